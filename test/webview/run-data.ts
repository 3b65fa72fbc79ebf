import { LANGUAGES } from '../../src/core/languages';
import { type RunManifest, type Sample } from '../../src/protocol/run';

/** Invented runs of any size with texts in every script, for the panel and for the index behind it. */

const GREETING: Readonly<Record<string, string>> = {
  Latn: 'Ana has 24 apples and gives 9 away. How many are left?', Arab: 'لدى سارة 24 تفاحة وأعطت 9 منها. كم بقي؟', Cyrl: 'У Ани 24 яблока, 9 она отдала. Сколько осталось?', Beng: 'আনার ২৪টি আপেল আছে, ৯টি দিল। কয়টি রইল?',
  Gujr: 'આના પાસે ૨૪ સફરજન છે, ૯ આપ્યાં. કેટલાં રહ્યાં?', Deva: 'आना के पास २४ सेब हैं, ९ दे दिए। कितने बचे?', Armn: 'Աննան ուներ 24 խնձոր, 9-ը տվեց։ Քանի՞սը մնաց։', Jpan: 'アナはりんごを24個持っていて、9個あげました。残りは何個ですか。',
  Knda: 'ಆನಾ ಬಳಿ 24 ಸೇಬುಗಳಿವೆ, 9 ಕೊಟ್ಟಳು. ಎಷ್ಟು ಉಳಿದವು?', Kore: '아나는 사과 24개가 있고 9개를 주었습니다. 몇 개 남았나요?', Mlym: 'ആനയ്ക്ക് 24 ആപ്പിൾ ഉണ്ട്, 9 കൊടുത്തു. എത്ര ബാക്കി?', Taml: 'ஆனாவிடம் 24 ஆப்பிள்கள், 9 கொடுத்தாள். எத்தனை மீதி?',
  Telu: 'ఆనా దగ్గర 24 ఆపిల్స్, 9 ఇచ్చింది. ఎన్ని మిగిలాయి?', Thai: 'อานามีแอปเปิล 24 ลูก ให้ไป 9 ลูก เหลือกี่ลูก', Hans: '安娜有24个苹果，给了9个。还剩几个？',
};

export const HOSTILE = '<img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>[x](command:workbench.action.quit)';

export function manifestOf(ids: readonly string[], languages: readonly string[] = LANGUAGES.map((l) => l.code)): RunManifest {
  return {
    format: 'lift-run/1', id: '0123456789ab-20260101T000000', created: '2026-01-01T00:00:00.000Z', fingerprint: '0123456789abcdef'.repeat(4),
    environment: {
      bundle: { name: 'invented', method: 'lingualift', sha256: 'a'.repeat(64), precision: 'fp32' }, benchmark: { name: 'lift48', title: 'LIFT-48', version: '1', sha256: 'b'.repeat(64) },
      prompt: { template: 'plain', version: 1 }, scorer: { name: 'locale', version: 1 }, generation: { maxNewTokens: 64, stop: [], greedy: true }, backend: { name: 'onnxruntime', provider: 'cpu', versions: { onnxruntime: '1.30.0' } }, calculator: false,
    },
    plan: { languages, ids, seed: 1, sampling: 'all' },
    execution: { bundlePath: '/nowhere/bundle', benchmarkPath: '/nowhere/benchmark', batch: 16, processes: 1, threads: 2, platform: 'linux-x64' },
  };
}

/** Deterministic: right in a share of the cases that falls from the first language of a class to its last. */
export function sampleOf(language: string, id: string, index: number): Sample {
  const at = LANGUAGES.findIndex((l) => l.code === language);
  const { script } = LANGUAGES[at]!;
  const kind = (index * 7 + at * 13) % 20;
  const outcome = kind < 5 + (at % 7) ? 'right' : kind === 18 ? 'unread' : kind === 19 ? 'failed' : 'wrong';
  const value = outcome === 'right' ? 15 : outcome === 'wrong' ? 33 : null;
  const completion = outcome === 'failed' ? '' : outcome === 'unread' ? `I do not know. ${HOSTILE}` : `24 - 9 = ${value}. The answer is ${value}.`;
  const span = value === null ? null : ([completion.lastIndexOf(String(value)), completion.lastIndexOf(String(value)) + 2] as const);
  const words = completion.split(/(?<= )/);
  return {
    id, language, question: `${GREETING[script] ?? GREETING.Latn!} (${id})`, prompt: `Solve the problem. ${GREETING[script] ?? ''}`, completion,
    tokenIds: words.map((_, i) => i), tokenLogprobs: words.map((_, i) => Math.log(((i * 37 + at) % 95) / 100 + 0.04)), stopReason: outcome === 'failed' ? 'failed' : 'eos', promptTokens: 30 + (at % 9), encoderTokens: 20 + (at % 17), gold: '15',
    value, span, reading: value === null ? (outcome === 'failed' ? 'the item failed' : 'no number') : 'last number of the conclusion', ambiguous: false, correct: outcome === 'right',
    error: outcome === 'right' ? null : outcome === 'unread' ? 'no-answer' : outcome === 'failed' ? 'failed' : 'wrong-number', scorer: 'locale/1', ms: 100 + index,
    ...(outcome === 'failed' ? { failure: 'the engine process ended' } : {}),
  };
}
