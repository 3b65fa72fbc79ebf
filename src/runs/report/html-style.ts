/** Style of the self-contained report: system fonts, both colour schemes, paper. No address of anything outside the file. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1f2328;--dim:#59636e;--line:#d1d9e0;--soft:#f4f6f8;--bar:#0969da;--bar-b:#bc4c00;--bar-c:#1a7f37;--bar-d:#8250df;--bar-e:#9a6700;--bar-f:#cf222e;--mark:#fff3b0;--good:#1a7f37;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e2e6eb;--dim:#9aa4af;--line:#343b44;--soft:#1c2128;--bar:#58a6ff;--bar-b:#f0883e;--bar-c:#56d364;--bar-d:#bc8cff;--bar-e:#d8a634;--bar-f:#ff7b72;--mark:#5c4a00;--good:#56d364;--bad:#ff7b72}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 28px 64px;max-width:1360px;background:var(--bg);color:var(--fg);font:14px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.6em;margin:0 0 4px;line-height:1.25}
h2{font-size:1.2em;margin:2em 0 .6em;padding-bottom:.25em;border-bottom:1px solid var(--line)}
h3{font-size:1em;margin:1.4em 0 .4em}
p{margin:.4em 0;max-width:90ch}
p.lead{max-width:none}
.lead,.dim,figcaption{color:var(--dim)}
.notes{margin:12px 0;padding:8px 14px 8px 30px;border:1px solid var(--line);border-left:3px solid var(--bar-e);background:var(--soft);max-width:none}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.5em 0;font-variant-numeric:tabular-nums}
th,td{padding:3px 8px;text-align:start;vertical-align:middle;border-bottom:1px solid var(--line)}
thead th{font-weight:600;color:var(--dim);white-space:nowrap;vertical-align:bottom}
th.n,td.n{text-align:right;white-space:nowrap}
tbody th{font-weight:400;white-space:nowrap}
tr.class th{font-weight:600;background:var(--soft);padding-top:7px}
tr.sum th,tr.sum td{font-weight:600;border-top:1px solid var(--dim)}
.code{color:var(--dim);font-size:.9em}
.kv th{color:var(--dim);vertical-align:top}
.kv td{overflow-wrap:anywhere;min-width:16ch}
svg.bar{display:block;width:190px;height:16px}
svg.bar.tall{height:auto}
.axis{stroke:var(--line);stroke-width:1}
.iv{stroke-width:2}.pt{stroke:none}
.pub{stroke:var(--fg);stroke-width:1.25;fill:none}
.floor{stroke:var(--dim);stroke-width:1.5;stroke-dasharray:2 2}
.c0{stroke:var(--bar);fill:var(--bar)}.c1{stroke:var(--bar-b);fill:var(--bar-b)}.c2{stroke:var(--bar-c);fill:var(--bar-c)}.c3{stroke:var(--bar-d);fill:var(--bar-d)}.c4{stroke:var(--bar-e);fill:var(--bar-e)}.c5{stroke:var(--bar-f);fill:var(--bar-f)}
.key svg{width:11px;height:11px;vertical-align:-1px;margin-inline-end:5px}
.up{color:var(--good)}.down{color:var(--bad)}.faint{color:var(--dim)}
details{margin:.35em 0}
summary{cursor:pointer;padding:2px 0}
.sample{margin:10px 0 14px 16px;padding:8px 12px;border:1px solid var(--line);border-radius:4px;max-width:100ch}
.sample p{margin:0 0 6px}
.sample .label{color:var(--dim);font-size:.85em;margin:8px 0 2px}
.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;unicode-bidi:plaintext}
.left-out{color:var(--dim);font-style:italic}
mark{background:var(--mark);color:inherit;border-radius:2px;padding:0 1px}
pre,code{font-family:ui-monospace,"SF Mono",Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
pre{padding:10px 12px;background:var(--soft);border:1px solid var(--line);border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0}.sample,tr{break-inside:avoid}}
`.trim();
