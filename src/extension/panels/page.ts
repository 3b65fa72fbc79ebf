/** The page of a panel as text. No `vscode` here: the page tests make the same page. */

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** The Content-Security-Policy of every panel: nothing but our own style sheet and the one script with this nonce. */
export function contentSecurityPolicy(source: string, nonce: string): string {
  return `default-src 'none'; style-src ${source}; script-src 'nonce-${nonce}'; img-src ${source}; font-src ${source}; base-uri 'none'; form-action 'none'`;
}

export interface PageParts {
  readonly csp: string;
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
  readonly title: string;
  readonly language: string;
  /** Translations by English text; empty for English. */
  readonly strings: Readonly<Record<string, string>>;
}

/** The page of a panel. Everything variable is escaped; the data block cannot end its element. */
export function page(parts: PageParts): string {
  const data = JSON.stringify(parts.strings).replace(/[<\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `<!DOCTYPE html>
<html lang="${escape(parts.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(parts.csp)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(parts.title)}</title>
<link rel="stylesheet" href="${escape(parts.style)}">
</head>
<body>
<main id="root"></main>
<script type="application/json" id="strings">${data}</script>
<script nonce="${parts.nonce}" src="${escape(parts.script)}"></script>
</body>
</html>`;
}
