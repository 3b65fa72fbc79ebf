import * as vscode from 'vscode';
import { type Cell, type CellOutput, type Extra, formatNotebook, isJsonMime, MARKDOWN, parseNotebook } from '../../core/notebook/document';
import { readSetting } from '../settings';

/** Where the fields that this version does not know are kept while the notebook is open. */
const EXTRA = 'lingualift';
const extraOf = (metadata: Readonly<Record<string, unknown>> | undefined): Extra => (metadata?.[EXTRA] as Extra | undefined) ?? {};
const metadataOf = (extra: Extra): Record<string, unknown> => (Object.keys(extra).length === 0 ? {} : { [EXTRA]: extra });

const isTextMime = (mime: string): boolean => mime.startsWith('text/') || /^application\/vnd\.code\.notebook\.(?:stdout|stderr|error)$/.test(mime);

function toOutput({ items, extra }: CellOutput): vscode.NotebookCellOutput {
  const encoder = new TextEncoder();
  return new vscode.NotebookCellOutput(
    items.map((item) => new vscode.NotebookCellOutputItem(item.base64 !== undefined ? Buffer.from(item.base64, 'base64') : encoder.encode(item.text ?? JSON.stringify(item.json)), item.mime)),
    metadataOf(extra),
  );
}

function fromOutput(output: vscode.NotebookCellOutput): CellOutput {
  const items = output.items.map(({ mime, data }) => {
    if (isJsonMime(mime)) {
      try {
        return { mime, json: JSON.parse(new TextDecoder().decode(data)) as unknown };
      } catch {
        // Kept as bytes.
      }
    } else if (isTextMime(mime)) return { mime, text: new TextDecoder().decode(data) };
    return { mime, base64: Buffer.from(data).toString('base64') };
  });
  return { items, extra: extraOf(output.metadata) };
}

/** `.liftnb` files as VS Code's notebooks. A file that cannot be read is refused with its reason and stays as it is. */
export class NotebookSerializer implements vscode.NotebookSerializer {
  /** @throws NotebookError */
  deserializeNotebook(content: Uint8Array): vscode.NotebookData {
    const file = parseNotebook(new TextDecoder().decode(content));
    const data = new vscode.NotebookData(file.cells.map((cell) => {
      const out = new vscode.NotebookCellData(cell.language === MARKDOWN ? vscode.NotebookCellKind.Markup : vscode.NotebookCellKind.Code, cell.text, cell.language);
      out.outputs = cell.outputs.map(toOutput);
      out.metadata = metadataOf(cell.extra);
      return out;
    }));
    data.metadata = metadataOf(file.extra);
    return data;
  }

  serializeNotebook(data: vscode.NotebookData): Uint8Array {
    const cells = data.cells.map((cell): Cell => ({
      language: cell.kind === vscode.NotebookCellKind.Markup ? MARKDOWN : cell.languageId,
      text: cell.value,
      outputs: (cell.outputs ?? []).map(fromOutput),
      extra: extraOf(cell.metadata),
    }));
    return new TextEncoder().encode(formatNotebook({ cells, extra: extraOf(data.metadata) }, readSetting('saveOutputs')));
  }
}
