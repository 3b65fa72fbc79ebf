// A page with the first problems of every language, for looking at each script with one's own eyes:
// node scripts/benchmark-page.mjs [folder] [count] writes artifacts/<benchmark>.html and, with Chromium, PNG pictures of it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.resolve(process.argv[2] ?? path.join(ROOT, 'benchmarks', 'lift48'));
const count = Number(process.argv[3] ?? 5);
const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'benchmark.json'), 'utf8'));
const escape = (s) => s.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const rtl = new Set(['ar', 'he', 'fa', 'ur']);

const sections = manifest.languages.map((code) => {
  const { problems } = JSON.parse(fs.readFileSync(path.join(folder, `${code}.json`), 'utf8'));
  const rows = problems.slice(0, count).map((p) => `<li><bdi>${escape(p.question)}</bdi> <b>${escape(p.answer)}</b></li>`).join('');
  return `<section><h2>${code}</h2><ol lang="${code}" dir="${rtl.has(code) ? 'rtl' : 'ltr'}">${rows}</ol></section>`;
});
const PER_PAGE = 16;
const out = path.join(ROOT, 'artifacts');
fs.mkdirSync(out, { recursive: true });
const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find((c) => c && fs.existsSync(c));
for (let page = 0; page * PER_PAGE < sections.length; page++) {
  const file = path.join(out, `${manifest.name}-${page + 1}.html`);
  const style = 'body{font:15px/1.45 sans-serif;columns:2;margin:12px;background:#fff;color:#111}section{break-inside:avoid}h2{margin:2px 0;font-size:15px;color:#06c}ol{margin:0 0 6px}b{color:#080}';
  fs.writeFileSync(file, `<!doctype html><meta charset="utf-8"><title>${escape(manifest.title)}</title><style>${style}</style>${sections.slice(page * PER_PAGE, (page + 1) * PER_PAGE).join('\n')}`);
  if (chromium) {
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--window-size=1500,1750', `--screenshot=${file.replace('.html', '.png')}`, `file://${file}`];
    spawnSync(chromium, args, { stdio: 'ignore', timeout: 120_000 });
  }
  console.log(file);
}
