// One engine process on one workload, in a process of its own so that peak memory is its own: prints one JSON line.
// usage: node engine.cjs BUNDLE PRECISION BATCH THREADS NEW_TOKENS PROMPTS.json
const path = require('node:path');
require('tsx/cjs');
const { EngineClient } = require(path.join(__dirname, '..', '..', 'src', 'engine', 'client.ts'));
const fs = require('node:fs');

const [dir, precision, batch, threads, newTokens, file] = process.argv.slice(2);
const texts = JSON.parse(fs.readFileSync(file, 'utf8'));

async function main() {
  const engine = new EngineClient({ entry: path.join(__dirname, '..', '..', 'dist', 'engine.js') });
  await engine.load({ dir, precision, provider: 'cpu', threads: Number(threads), memoryCeiling: 0, batch: Number(batch) });
  const items = texts.slice(0, Number(batch)).map((text, i) => ({ key: String(i), encoder: '', instruction: '', text, chat: false }));
  let peak = 0;
  let ids = {};
  const once = (n, chunk) =>
    engine.generate(
      { items, maxNewTokens: n, stop: [], batch: Number(batch), tokenBudget: 1 << 20, chunk, stream: false, ignoreEos: true },
      { onItem: (item) => (ids[item.key] = item.tokenIds), onBeat: (rss) => (peak = Math.max(peak, rss)) },
    );
  await once(4, 4);
  let best = Infinity;
  const REPEATS = 3;
  for (let r = 0; r < REPEATS; r++) best = Math.min(best, (await once(Number(newTokens), 64)).seconds);
  const status = fs.existsSync(`/proc/${engine.pid}/status`) ? fs.readFileSync(`/proc/${engine.pid}/status`, 'utf8') : '';
  const peakRss = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 || peak;
  await engine.close();
  console.log(JSON.stringify({ tokensPerSecond: (items.length * Number(newTokens)) / best, seconds: best, peakRss, ids: Object.values(ids) }));
}
main().catch((e) => {
  console.error(e);
  process.exit(1);
});
