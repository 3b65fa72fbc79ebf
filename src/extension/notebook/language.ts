import * as vscode from 'vscode';
import { languageOf } from '../../core/languages';
import { type CellIssue, type CellKind, EVAL_CELL, type Field, fieldOf, fieldsOf, headerEnd, headerLine, knownValues, parseEvalCell, parsePromptCell, placeAt, PROMPT_CELL, type Value } from '../../core/notebook';
import { type Catalogue } from '../catalogue';
import { type BenchmarkInfo } from '../worker/protocol';
import { basesOf, bundleNames, findBenchmark, findBundle } from './resolve';

const t = vscode.l10n.t;
const KINDS: readonly CellKind[] = [PROMPT_CELL, EVAL_CELL];
const isKind = (id: string): id is CellKind => (KINDS as readonly string[]).includes(id);
const SEVERITY = { error: vscode.DiagnosticSeverity.Error, warning: vscode.DiagnosticSeverity.Warning, information: vscode.DiagnosticSeverity.Information } as const;
const CHECK_MS = 250;

/** The notebook of a cell's document; the document itself when it stands alone. */
function homeOf(document: vscode.TextDocument): vscode.Uri {
  return vscode.workspace.notebookDocuments.find((n) => n.getCells().some((c) => c.document === document))?.uri ?? document.uri;
}

/** Completion, hover and checks of the two cell languages. */
export class CellLanguages implements vscode.CompletionItemProvider, vscode.HoverProvider, vscode.Disposable {
  private readonly diagnostics = vscode.languages.createDiagnosticCollection('lingualift');
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly catalogue: Catalogue) {
    const selector = KINDS.map((language) => ({ language }));
    const all = (): void => vscode.workspace.textDocuments.forEach((d) => this.soon(d));
    this.disposables = [
      this.diagnostics,
      vscode.languages.registerCompletionItemProvider(selector, this, ':', ' ', ','),
      vscode.languages.registerHoverProvider(selector, this),
      vscode.workspace.onDidOpenTextDocument((d) => this.soon(d)),
      vscode.workspace.onDidChangeTextDocument((e) => this.soon(e.document)),
      vscode.workspace.onDidCloseTextDocument((d) => this.forget(d.uri)),
      catalogue.bundles.onDidChange(all),
      catalogue.benchmarks.onDidChange(all),
    ];
    all();
  }

  private soon(document: vscode.TextDocument): void {
    if (!isKind(document.languageId)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(key, setTimeout(() => void this.check(document), CHECK_MS));
  }

  private forget(uri: vscode.Uri): void {
    clearTimeout(this.timers.get(uri.toString()));
    this.timers.delete(uri.toString());
    this.diagnostics.delete(uri);
  }

  private async check(document: vscode.TextDocument): Promise<void> {
    this.timers.delete(document.uri.toString());
    const { version } = document;
    const text = document.getText();
    // An empty cell is one that is about to be written.
    if (text.trim() === '') return this.diagnostics.delete(document.uri);
    const kind = document.languageId as CellKind;
    const cell = kind === PROMPT_CELL ? parsePromptCell(text) : parseEvalCell(text);
    const issues: CellIssue[] = [...cell.issues, ...(await this.missing(document, cell.values))];
    if (document.isClosed || document.version !== version) return;
    this.diagnostics.set(document.uri, issues.map((i) => {
      const out = new vscode.Diagnostic(new vscode.Range(i.line, i.start, i.line, i.end), i.message, SEVERITY[i.severity]);
      out.source = 'LinguaLIFT';
      return out;
    }));
  }

  /** Bundles, benchmarks, languages and ids that are not there. */
  private async missing(document: vscode.TextDocument, values: readonly Value[]): Promise<CellIssue[]> {
    const issues: CellIssue[] = [];
    const bases = basesOf(homeOf(document));
    const [bundles, benchmarks] = await Promise.all([this.catalogue.bundles.get(), this.catalogue.benchmarks.get()]);
    const add = (v: Value, message: string): void => void issues.push({ line: v.line, start: v.start, end: v.end, severity: 'error', message });
    for (const v of values) {
      if (v.field.value === 'bundle') {
        const hit = findBundle(bundles, bases, v.text);
        if (hit === undefined) add(v, t('There is no bundle "{0}". There are: {1}.', v.text, bundleNames(bundles).map((b) => b.name).join(', ')));
        else if (typeof hit === 'object' && hit.issues.length > 0) add(v, t('The bundle "{0}" cannot be used: {1} {2}', v.text, hit.issues[0]!.message, hit.issues[0]!.fix));
      } else if (v.field.value === 'benchmark') {
        const hit = findBenchmark(benchmarks, bases, v.text);
        if (hit === undefined) add(v, t('There is no benchmark "{0}". There are: {1}.', v.text, benchmarks.filter((b) => b.error === null).map((b) => b.name).join(', ')));
        else if (typeof hit === 'object' && hit.error !== null) add(v, t('The benchmark "{0}" cannot be used: {1}', v.text, hit.error));
      } else if (v.field.value === 'languages') {
        const info = this.benchmarkOf(values, benchmarks, bases);
        if (!info || ['all', 'low', 'medium', 'high'].includes(v.text) || info.languages.includes(v.text)) continue;
        add(v, t('{0} has no language "{1}". It has: {2}.', info.title, v.text, info.languages.join(' ')));
      }
    }
    return issues;
  }

  private benchmarkOf(values: readonly Value[], benchmarks: readonly BenchmarkInfo[], bases: readonly string[]): BenchmarkInfo | undefined {
    const name = values.find((v) => v.field.value === 'benchmark')?.text;
    const hit = name === undefined ? undefined : findBenchmark(benchmarks, bases, name);
    return typeof hit === 'object' && hit.error === null ? hit : undefined;
  }

  async provideCompletionItems(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.CompletionItem[]> {
    const kind = document.languageId as CellKind;
    const text = document.getText();
    const place = placeAt(kind, text, position.line, position.character);
    if (!place) return [];
    if (place.kind === 'key') return this.keys(kind, text, document.lineAt(position.line).text, position);
    const range = new vscode.Range(position.line, place.start, position.line, position.character);
    const parsed = kind === EVAL_CELL ? parseEvalCell(text).values : parsePromptCell(text).values;
    return (await this.valuesOf(place.field, parsed, basesOf(homeOf(document)))).map(({ name, help }, i) => {
      const item = new vscode.CompletionItem({ label: name, description: help }, vscode.CompletionItemKind.Value);
      item.range = range;
      item.sortText = String(i).padStart(4, '0');
      // A language is also found by its name.
      item.filterText = `${name} ${help}`;
      return item;
    });
  }

  private keys(kind: CellKind, text: string, line: string, position: vscode.Position): vscode.CompletionItem[] {
    const used = new Set(text.split('\n').map((l) => headerLine(l)?.key).flatMap((k) => (k === undefined ? [] : [fieldOf(kind, k)?.key])));
    const start = line.length - line.trimStart().length;
    const range = new vscode.Range(position.line, Math.min(start, position.character), position.line, position.character);
    const items = fieldsOf(kind).filter((f) => !used.has(f.key)).map((f, i) => {
      const item = new vscode.CompletionItem({ label: f.key, description: f.example }, vscode.CompletionItemKind.Property);
      item.insertText = `${f.key}: `;
      item.documentation = new vscode.MarkdownString(f.help);
      item.range = range;
      item.sortText = String(i).padStart(4, '0');
      item.command = { command: 'editor.action.triggerSuggest', title: '' };
      return item;
    });
    if (kind === PROMPT_CELL && headerEnd(text) < 0) {
      const rule = new vscode.CompletionItem({ label: '---', description: t('the question follows') }, vscode.CompletionItemKind.Operator);
      rule.insertText = '---\n';
      rule.range = range;
      rule.sortText = '9999';
      items.push(rule);
    }
    return items;
  }

  private async valuesOf(field: Field, values: readonly Value[], bases: readonly string[]): Promise<readonly { readonly name: string; readonly help: string }[]> {
    if (field.value === 'bundle') return bundleNames(await this.catalogue.bundles.get()).map(({ name, info }) => ({ name, help: info.precisions.join(', ') }));
    if (field.value === 'benchmark') return (await this.catalogue.benchmarks.get()).filter((b) => b.error === null).map((b) => ({ name: b.shipped ? b.path : b.name, help: t('{0} languages × {1} problems', b.languages.length, b.problems) }));
    const known = knownValues(field.value) ?? [];
    if (field.value !== 'languages') return known;
    const info = this.benchmarkOf(values, await this.catalogue.benchmarks.get(), bases);
    if (!info) return known;
    const given = new Set(values.filter((v) => v.field.value === 'languages').map((v) => v.text));
    return [...known.filter((k) => !languageOf(k.name)), ...info.languages.map((name) => known.find((k) => k.name === name) ?? { name, help: '' })].filter((k) => !given.has(k.name));
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const kind = document.languageId as CellKind;
    const text = document.getText();
    if (!placeAt(kind, text, position.line, position.character)) return undefined;
    const entry = headerLine(document.lineAt(position.line).text);
    const field = entry && fieldOf(kind, entry.key);
    if (!entry || !field) return undefined;
    if (position.character <= entry.keyAt + entry.key.length) {
      const help = new vscode.MarkdownString(`**${field.key}** · ${field.help}`);
      help.appendCodeblock(`${field.key}: ${field.example}`, kind);
      return new vscode.Hover(help, new vscode.Range(position.line, entry.keyAt, position.line, entry.keyAt + entry.key.length));
    }
    const parsed = kind === EVAL_CELL ? parseEvalCell(text).values : parsePromptCell(text).values;
    const value = parsed.find((v) => v.line === position.line && v.start <= position.character && position.character <= v.end);
    if (!value) return undefined;
    const said = await this.aboutValue(value, basesOf(homeOf(document)));
    return said === undefined ? undefined : new vscode.Hover(new vscode.MarkdownString().appendText(said), new vscode.Range(value.line, value.start, value.line, value.end));
  }

  private async aboutValue({ field, text }: Value, bases: readonly string[]): Promise<string | undefined> {
    if (field.value === 'bundle') {
      const hit = findBundle(await this.catalogue.bundles.get(), bases, text);
      if (typeof hit !== 'object') return hit;
      return [hit.name, hit.method, hit.precisions.join(', '), hit.encoder ? `${hit.encoder} → ${hit.languageModel}` : hit.languageModel, hit.dir].filter(Boolean).join(' · ');
    }
    if (field.value === 'benchmark') {
      const hit = findBenchmark(await this.catalogue.benchmarks.get(), bases, text);
      if (typeof hit !== 'object') return hit;
      return hit.error ?? t('{0}: {1} languages × {2} problems, format {3}', hit.title, hit.languages.length, hit.problems, hit.format ?? '');
    }
    const known = knownValues(field.value)?.find((k) => k.name === text);
    return known && known.help !== '' ? known.help : undefined;
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.disposables.forEach((d) => d.dispose());
  }
}
