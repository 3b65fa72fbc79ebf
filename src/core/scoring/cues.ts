import { allMatches } from './matches';

/**
 * The words around an answer in the 48 languages: what announces it ("the answer is"), and what numbers a step, a question or an
 * example and so must not be taken for it. Written for this project; English applies in every language as well.
 */
interface CueRow {
  /** Words for answer and result, alternatives of a pattern. */
  readonly nouns: string;
  /** Words that link them to the number. */
  readonly links: string;
  /** Words that are followed by a running number (step, question, example …). */
  readonly steps: string;
}

const ROWS: Readonly<Record<string, CueRow>> = {
  af: { nouns: 'antwoord|resultaat', links: 'is', steps: 'stap|vraag|voorbeeld|bladsy' },
  ar: { nouns: 'الإجابة|الاجابة|الجواب|إجابة|جواب|النتيجة|الناتج|الحل', links: 'هو|هي|يساوي|تساوي', steps: 'الخطوة|خطوة|السؤال|المثال|مثال|الصفحة' },
  be: { nouns: 'адказ|вынік', links: 'гэта|роўны|складае|ёсць|будзе', steps: 'крок|пытанне|прыклад' },
  bg: { nouns: 'отговор(?:ът|а)?|резултат(?:ът|а)?', links: 'е|са|ще бъде', steps: 'стъпка|въпрос|пример' },
  bn: { nouns: 'উত্তর(?:টি)?|ফলাফল|সমাধান', links: 'হল|হলো|হচ্ছে|হবে', steps: 'ধাপ|প্রশ্ন|উদাহরণ' },
  ca: { nouns: 'resposta|resultat|solució', links: 'és|són', steps: 'pas|pregunta|exemple' },
  cs: { nouns: 'odpověď|výsledek|řešení', links: 'je|jsou|zní|činí', steps: 'krok|otázka|příklad' },
  da: { nouns: 'svar(?:et)?|resultat(?:et)?', links: 'er|bliver', steps: 'trin|spørgsmål|eksempel' },
  de: { nouns: 'antwort|ergebnis|lösung', links: 'ist|lautet|beträgt|sind', steps: 'schritt|frage|aufgabe|beispiel|seite|gleichung' },
  en: {
    nouns: 'answer|result|solution',
    links: 'is|are|was|equals|would be|will be|comes to',
    steps: 'step|stage|question|problem|example|equation|eq\\.|figure|fig\\.|page|chapter|exercise|case|option',
  },
  es: { nouns: 'respuesta|resultado|solución', links: 'es|son|sería', steps: 'paso|pregunta|ejemplo|problema|página|ecuación' },
  eu: { nouns: 'erantzuna|erantzun|emaitza', links: 'da|dira|hau da', steps: 'urratsa|urrats|pausoa|galdera|adibidea' },
  fi: { nouns: 'vastaus|lopputulos|tulos', links: 'on|ovat', steps: 'vaihe|kysymys|esimerkki' },
  fr: { nouns: 'réponse|résultat|solution', links: 'est|sont|vaut', steps: 'étape|question|exemple|équation|page' },
  gu: { nouns: 'જવાબ|ઉત્તર|પરિણામ', links: 'છે', steps: 'પગલું|પગલાં|પ્રશ્ન|ઉદાહરણ' },
  ha: { nouns: 'amsar?|sakamakon?', links: 'ita ce|shi ne|shine|itace|ne|ce', steps: 'mataki|tambaya|misali' },
  hi: { nouns: 'उत्तर|जवाब|परिणाम|हल', links: 'है|हैं|होगा|होगी', steps: 'चरण|कदम|प्रश्न|उदाहरण' },
  hr: { nouns: 'odgovor|rezultat|rješenje', links: 'je|su|glasi|iznosi', steps: 'korak|pitanje|primjer' },
  hu: { nouns: 'válasz|végeredmény|eredmény|megoldás', links: 'az|tehát|lesz', steps: 'lépés|kérdés|példa' },
  hy: { nouns: 'պատասխան(?:ը|ն)?|արդյունք(?:ը|ն)?', links: 'է|կլինի|՝', steps: 'քայլ|հարց|օրինակ' },
  id: { nouns: 'jawaban(?:nya)?|hasil(?:nya)?|jawab', links: 'adalah|ialah|yaitu', steps: 'langkah|pertanyaan|contoh|soal' },
  is: { nouns: 'svar(?:ið)?|niðurstaðan?|útkoman?', links: 'er|eru', steps: 'skref|spurning|dæmi' },
  it: { nouns: 'risposta|risultato|soluzione', links: 'è|sono|sarà', steps: 'passo|passaggio|fase|domanda|esempio' },
  ja: { nouns: '答え|解答|回答|正解|結果|答', links: 'は|が', steps: 'ステップ|手順|質問|問題|例題?|問|式' },
  kn: { nouns: 'ಉತ್ತರ(?:ವು)?|ಫಲಿತಾಂಶ', links: 'ಆಗಿದೆ|ಎಂದರೆ', steps: 'ಹಂತ|ಪ್ರಶ್ನೆ|ಉದಾಹರಣೆ' },
  ko: { nouns: '정답|해답|답|결과', links: '은|는|이|가', steps: '단계|스텝|질문|문제|예제?' },
  lb: { nouns: 'äntwert|resultat|léisung', links: 'ass|sinn', steps: 'schrëtt|fro|beispill' },
  mk: { nouns: 'одговор(?:от)?|резултат(?:от)?', links: 'е|се|изнесува', steps: 'чекор|прашање|пример' },
  ml: { nouns: 'ഉത്തരം|ഫലം', links: 'ആണ്', steps: 'ഘട്ടം|ചോദ്യം|ഉദാഹരണം' },
  mr: { nouns: 'उत्तर|निकाल|परिणाम', links: 'आहे|आहेत', steps: 'पायरी|चरण|टप्पा|प्रश्न|उदाहरण' },
  nb: { nouns: 'svar(?:et)?|resultat(?:et)?', links: 'er|blir', steps: 'trinn|steg|spørsmål|eksempel' },
  ne: { nouns: 'उत्तर|जवाफ|परिणाम|नतिजा', links: 'हो|हुन्छ|छ', steps: 'चरण|प्रश्न|उदाहरण' },
  nl: { nouns: 'antwoord|resultaat|uitkomst|oplossing', links: 'is|zijn|luidt|bedraagt', steps: 'stap|vraag|voorbeeld' },
  pl: { nouns: 'odpowiedzią|odpowiedź|wynik|rozwiązanie', links: 'to|jest|wynosi|brzmi', steps: 'krok|pytanie|przykład' },
  pt: { nouns: 'resposta|resultado|solução', links: 'é|são|será', steps: 'passo|etapa|pergunta|exemplo' },
  ro: { nouns: 'răspuns(?:ul)?|rezultat(?:ul)?|soluția', links: 'este|e|sunt|va fi', steps: 'pasul|etapa|întrebarea|exemplul' },
  ru: { nouns: 'ответ|результат|решение', links: 'это|равен|равно|составляет|будет|является', steps: 'шаг|вопрос|пример|задача' },
  sk: { nouns: 'odpoveď|výsledok|riešenie', links: 'je|sú|znie', steps: 'krok|otázka|príklad' },
  sl: { nouns: 'odgovor|rezultat|rešitev', links: 'je|so|se glasi|znaša', steps: 'korak|vprašanje|primer' },
  sr: { nouns: 'одговор|резултат|решење|odgovor|rezultat|rešenje', links: 'је|су|гласи|износи|je|su', steps: 'корак|питање|пример|korak' },
  sv: { nouns: 'svar(?:et)?|resultat(?:et)?', links: 'är|blir', steps: 'steg|fråga|exempel' },
  sw: { nouns: 'jibu|majibu|matokeo', links: 'ni|likuwa|litakuwa', steps: 'hatua ya|hatua|swali la|swali|mfano' },
  ta: { nouns: 'விடை|பதில்|முடிவு', links: 'ஆகும்|என்பது', steps: 'படி|கேள்வி|எடுத்துக்காட்டு' },
  te: { nouns: 'సమాధానం|జవాబు|ఫలితం', links: 'అనేది', steps: 'దశ|ప్రశ్న|ఉదాహరణ' },
  th: { nouns: 'คำตอบ|ผลลัพธ์', links: 'คือ|เป็น|เท่ากับ', steps: 'ขั้นตอนที่|ขั้นที่|ขั้นตอน|คำถาม|ข้อ|ตัวอย่าง' },
  uk: { nouns: "відповідь|результат|розв'язок", links: 'це|дорівнює|становить|є|буде', steps: 'крок|запитання|питання|приклад' },
  vi: { nouns: 'đáp án|đáp số|câu trả lời|kết quả|trả lời', links: 'là|bằng', steps: 'bước|câu hỏi|câu|ví dụ' },
  zh: { nouns: '最终答案|答案|结果|答', links: '就是|是|为|等于', steps: '步骤|步驟|问题|例题?|题' },
};

const EN = ROWS.en as CueRow;
const LETTER = '[\\p{L}\\p{M}]';
/** Scripts written without spaces, and Korean with its attached particles: no word boundary is asked for. */
const UNSPACED = new Set(['ja', 'ko', 'th', 'zh']);
const DIRECT = '[\\s*_"\'»“”:=—–(\\[{$€£¥₹₽₩≈~-]{1,8}';

export interface AnswerCue {
  /** Offset after the cue, where the answer is looked for. */
  readonly end: number;
  readonly start: number;
  /** True when a verb links the number ("the answer is"), false for a colon or for nothing ("Answer: 18"). */
  readonly verb: boolean;
}

const answerPatterns = new Map<string, RegExp>();

/** Builds the cue pattern of a language, alternatives of the English one included. */
function answerPattern(language: string): RegExp {
  const known = answerPatterns.get(language);
  if (known) return known;
  const row = ROWS[language];
  const alternatives = [EN, ...(row && row !== EN ? [row] : [])].map((r) => {
    const open = UNSPACED.has(language) && r !== EN;
    const left = open ? '' : `(?<!${LETTER})`;
    const right = open ? '' : `(?!${LETTER})`;
    const noun = `${left}(?:${r.nouns})`;
    const gap = `(?:${LETTER}{0,3})[^\\n\\d.!?。！？।:=,，،—–]{0,30}?`;
    return `${noun}(?:${gap}(?:(?<verb>${open ? '' : '(?<=[\\s*_])'}(?:${r.links})${right})|\\s?[:=՝]|\\s[—–-]\\s)|${right}${DIRECT}(?=\\d))`;
  });
  const source = `(?:${alternatives.map((a, i) => a.replace('?<verb>', `?<verb${i}>`)).join('|')}|####)`;
  const pattern = new RegExp(source, 'giu');
  answerPatterns.set(language, pattern);
  return pattern;
}

/** Every place of a folded text where an answer is announced, in order. */
export function answerCues(text: string, language: string): AnswerCue[] {
  const cues: AnswerCue[] = [];
  for (const m of allMatches(text, answerPattern(language))) {
    cues.push({ start: m.index, end: m.index + m[0].length, verb: Boolean(m.groups?.verb0 ?? m.groups?.verb1) || m[0] === '####' });
  }
  return cues;
}

const stepPatterns = new Map<string, StepPatterns>();

interface StepPatterns {
  /** Any of the words at all; few texts hold one. */
  readonly any: RegExp;
  readonly patterns: readonly RegExp[];
}

/** Patterns that cover a running number with its word ("Step 3", "3. lépés", "第3步", "3단계"); none when no such word is in the text. */
export function stepWords(language: string, text: string): readonly RegExp[] {
  const { any, patterns } = stepTable(language);
  return any.test(text) ? patterns : [];
}

function stepTable(language: string): StepPatterns {
  const known = stepPatterns.get(language);
  if (known) return known;
  const rows = [EN, ...(ROWS[language] && ROWS[language] !== EN ? [ROWS[language]] : [])];
  const words = rows.map((r) => r?.steps ?? '').join('|');
  const left = UNSPACED.has(language) ? '' : `(?<!${LETTER})`;
  const patterns = [
    new RegExp(`${left}(?:${words})\\s?(?:#|№|no\\.|nr\\.|n°)?\\s?\\d{1,3}(?![\\d.,]\\d|\\d|\\s?[%=+])`, 'giu'),
    new RegExp(`(?<![\\d.,])\\d{1,2}(?:\\.|:e|:a|º|ª|er|e|-?(?:й|я|е|та|и|ти))\\s(?:${words})(?!${LETTER})`, 'giu'),
    /第\s?\d+\s?[步题題问問章页頁项項条條]/gu,
    /(?<=^|[(\n*#])\s?\d{1,2}단계/gu,
  ];
  const table = { any: new RegExp(`${words}|第|단계`, 'iu'), patterns };
  stepPatterns.set(language, table);
  return table;
}
