/**
 * The word that announces the question, per benchmark. The authors' harness keeps one table for MMWP and another for
 * MGSM and MSVAMP, which differ in four languages (method.md 4.4), so the table belongs to the benchmark, not to the language.
 */
const MMWP: Record<string, string> = {
  en: 'Question:', de: 'Frage:', es: 'Pregunta:', fr: 'Question:', it: 'Domanda:', ja: '質問:', nl: 'Vraag:', ru: 'Вопрос:',
  sv: 'Fråga:', zh: '问题:', bg: 'Въпрос:', ca: 'Pregunta:', cs: 'Otázka:', da: 'Spørgsmål:', fi: 'Kysymys:', hr: 'Pitanje:',
  hu: 'Kérdés:', id: 'Pertanyaan:', ko: '질문:', nb: 'Spørsmål:', pl: 'Pytanie:', pt: 'Pergunta:', ro: 'Întrebare:',
  sl: 'Vprašanje:', sr: 'Питање:', uk: 'Запитання:', vi: 'Câu hỏi:', af: 'Vraag:', ar: 'السؤال:', be: 'Пытанне:',
  bn: 'প্রশ্ন:', eu: 'Galdera:', gu: 'પ્રશ્ન:', ha: 'Tambaya:', hi: 'प्रश्न:', hy: 'Հարց:', is: 'Spurning:', kn: 'ಪ್ರಶ್ನೆ:',
  lb: 'Fro:', mk: 'Прашање:', ml: 'പ്രശ്നം:', mr: 'प्रश्न:', ne: 'प्रश्न:', sk: 'Otázka:', sw: 'Swali:', ta: 'கேள்வி:',
  te: 'ప్రశ్న:', th: 'คำถาม:',
};

const MGSM: Record<string, string> = { ...MMWP, fr: 'Question :', ru: 'Задача:', ja: '問題:', th: 'โจทย์:' };

/** Question prefix of a benchmark and language; the MMWP table serves every benchmark without one of its own. */
export function questionPrefix(benchmark: string, language: string, swapSwedishSwahili = false): string {
  const table = benchmark === 'mgsm' || benchmark === 'msvamp' ? MGSM : MMWP;
  // Parity switch for the swapped sw/sv classes of the authors' MMWP harness (method.md 4.8).
  const code = swapSwedishSwahili && benchmark === 'mmwp' ? ({ sw: 'sv', sv: 'sw' }[language] ?? language) : language;
  return table[code] ?? table.en!;
}
