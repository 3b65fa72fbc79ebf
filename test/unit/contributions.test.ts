import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Command, ContextKey, Item, RUN_EDITOR, RUN_PANEL, Setting, STEPS, View, VIEW_CONTAINER, WALKTHROUGH } from '../../src/extension/contributions';

const ROOT = path.resolve(__dirname, '..', '..');

interface Menu {
  readonly command: string;
  readonly when?: string;
}
interface PackageJson {
  readonly activationEvents: readonly string[];
  readonly extensionKind: readonly string[];
  readonly capabilities: { readonly untrustedWorkspaces: { readonly supported: unknown; readonly restrictedConfigurations: readonly string[] }; readonly virtualWorkspaces: { readonly supported: unknown } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string; readonly enablement?: string }[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, { readonly default: unknown; readonly scope: string; readonly markdownDescription: string }>> }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly menus: Readonly<Record<string, readonly Menu[]>>;
    readonly keybindings: readonly Menu[];
    readonly customEditors: readonly { readonly viewType: string; readonly priority: string }[];
    readonly walkthroughs: readonly { readonly id: string; readonly steps: readonly { readonly description: string; readonly media: { readonly svg: string }; readonly completionEvents: readonly string[] }[] }[];
  };
}

const text = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
const manifest = JSON.parse(text) as PackageJson;
const nls = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.nls.json'), 'utf8')) as Record<string, string>;
const { contributes } = manifest;
const commands = contributes.commands.map((c) => c.command);

describe('contributions of package.json', () => {
  it('are the commands, views and settings that the code declares', () => {
    assert.deepEqual([...commands].sort(), [...Object.values(Command)].sort());
    assert.deepEqual(contributes.views[VIEW_CONTAINER]!.map((v) => v.id).sort(), [...Object.values(View)].sort());
    const properties = Object.assign({}, ...contributes.configuration.map((c) => c.properties)) as PackageJson['contributes']['configuration'][number]['properties'];
    assert.deepEqual(Object.keys(properties).sort(), Object.values(Setting).map((s) => s.key).sort());
    for (const { key, default: value, scope } of Object.values(Setting)) assert.deepEqual([properties[key]!.default, properties[key]!.scope], [value, scope], key);
  });

  it('restrict the settings that could start something, and nothing else', () => {
    assert.deepEqual([...manifest.capabilities.untrustedWorkspaces.restrictedConfigurations].sort(), Object.values(Setting).filter((s) => s.restricted).map((s) => s.key).sort());
    assert.equal(manifest.capabilities.untrustedWorkspaces.supported, 'limited');
    assert.equal(manifest.capabilities.virtualWorkspaces.supported, 'limited');
    for (const { key, scope } of Object.values(Setting)) if (/folder|path|default/.test(key)) assert.match(scope, /^machine/, `${key} is a path`);
  });

  it('let nothing run without trust', () => {
    for (const id of [Command.runEvaluation, Command.resumeRun, Command.buildBundle, Command.getDemoBundle]) assert.match(contributes.commands.find((c) => c.command === id)!.enablement!, /isWorkspaceTrusted/, id);
  });

  it('name in menus, keybindings and texts only commands that exist', () => {
    for (const item of [...Object.values(contributes.menus).flat(), ...contributes.keybindings]) assert.ok(commands.includes(item.command), item.command);
    for (const [, id] of Object.values(nls).join('\n').matchAll(/\(command:([\w.]+)\)/g)) assert.ok(commands.includes(id!) || id!.startsWith('workbench.'), id);
  });

  it('use in when clauses only context keys and item kinds that the code sets', () => {
    const known = new Set<string>([...Object.values(ContextKey), ...Object.values(View), RUN_PANEL, RUN_EDITOR, ...commands, ...Object.values(Setting).map((s) => s.key)]);
    for (const { when } of Object.values(contributes.menus).flat()) {
      for (const [word] of (when ?? '').matchAll(/lingualift\.[\w.]+/g)) assert.ok(known.has(word) || word === 'lingualift.compare', `${word} in "${when}"`);
      for (const [, kind] of (when ?? '').matchAll(/viewItem [!=]= ([\w.]+)/g)) assert.ok((Object.values(Item) as string[]).includes(kind!), `${kind} in "${when}"`);
      for (const [, pattern] of (when ?? '').matchAll(/viewItem =~ \/(.+?)\/(?= |$)/g)) assert.ok(Object.values(Item).some((i) => new RegExp(pattern!).test(i)), `${pattern} fits no item`);
    }
  });

  it('complete each step of the walkthrough by what is done', () => {
    const [walkthrough] = contributes.walkthroughs;
    assert.equal(walkthrough!.id, WALKTHROUGH);
    assert.deepEqual(walkthrough!.steps.flatMap((s) => s.completionEvents).sort(), Object.values(STEPS).map((k) => `onContext:${k}`).sort());
    for (const { media } of walkthrough!.steps) assert.ok(fs.existsSync(path.join(ROOT, media.svg)), media.svg);
  });

  it('open other files of the same name by choice only, and activate by use only', () => {
    assert.ok(contributes.customEditors.every((e) => e.priority === 'option'));
    assert.equal(manifest.activationEvents.some((e) => e === '*' || e === 'onStartupFinished' || e.startsWith('workspaceContains')), false);
    assert.deepEqual(manifest.extensionKind, ['workspace']);
  });

  it('have every text in package.nls.json, and no text there that is not used', () => {
    const used = new Set([...text.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!));
    assert.deepEqual([...used].filter((k) => nls[k] === undefined), []);
    assert.deepEqual(Object.keys(nls).filter((k) => !used.has(k)), []);
    for (const c of contributes.commands) assert.match(c.title, /^%.+%$/);
  });
});

describe('texts of host and panels', () => {
  it('are all in l10n/bundle.l10n.json', async () => {
    const { gather } = (await import('../../scripts/l10n.mjs' as string)) as { gather(): Record<string, string> };
    assert.deepEqual(JSON.parse(fs.readFileSync(path.join(ROOT, 'l10n', 'bundle.l10n.json'), 'utf8')), gather(), 'run: node scripts/l10n.mjs');
  });
});
