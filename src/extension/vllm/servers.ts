import * as vscode from 'vscode';
import { Command, Setting } from '../contributions';
import { Remedied } from '../commands/index';
import { readSetting } from '../settings';
import { type StartParams } from '../worker/protocol';

const t = vscode.l10n.t;
const SECRET = 'lingualift.vllmKey';
const MEMORY = 'lingualift.lastBackend';

export type ServerParams = Pick<StartParams, 'backend' | 'endpoints' | 'key'>;

/** The vLLM servers of the settings and their key, which lies in VS Code's secret storage and nowhere else. */
export class Servers {
  constructor(
    private readonly secrets: vscode.SecretStorage,
    private readonly memory: vscode.Memento,
  ) {}

  get urls(): readonly string[] {
    return readSetting('backends').map((url) => url.trim()).filter(Boolean);
  }

  key(): Thenable<string | undefined> {
    return this.secrets.get(SECRET);
  }

  /** `LinguaLIFT: Set vLLM Key…`: asks for the key; an empty one is forgotten. */
  async setKey(): Promise<void> {
    const key = await vscode.window.showInputBox({ title: t('Key of the vLLM servers'), prompt: t('Kept in the secret storage of VS Code. Leave empty to forget it.'), password: true, ignoreFocusOut: true });
    if (key === undefined) return;
    if (key === '') await this.secrets.delete(SECRET);
    else await this.secrets.store(SECRET, key);
    void vscode.window.showInformationMessage(key === '' ? t('The key of the vLLM servers is forgotten.') : t('The key of the vLLM servers is kept.'));
  }

  /**
   * Where the LLM of a new run is to work; asked only when servers are set.
   * @returns undefined when the pick was closed
   */
  async choose(): Promise<ServerParams | undefined> {
    const { urls } = this;
    if (urls.length === 0) return {};
    const options = [
      { label: `$(device-desktop) ${t('This machine')}`, description: 'onnxruntime', backend: 'onnx' as const },
      { label: `$(server) ${t('vLLM servers')}`, description: urls.join(', '), backend: 'vllm' as const },
    ];
    const last = this.memory.get<string>(MEMORY);
    const chosen = await vscode.window.showQuickPick(last === 'vllm' ? [...options].reverse() : options, { title: t('Run evaluation'), placeHolder: t('Where the language model runs') });
    if (!chosen) return undefined;
    await this.memory.update(MEMORY, chosen.backend);
    return chosen.backend === 'vllm' ? this.params() : {};
  }

  /** What a run on servers needs. @throws Remedied when no server is set */
  async params(): Promise<ServerParams> {
    const { urls } = this;
    if (urls.length === 0) throw new Remedied(t('This run was made with vLLM servers, and none is set. Set their addresses first.'), { label: t('Open settings'), command: Command.showSettings, args: [Setting.backends.key] });
    return { backend: 'vllm', endpoints: urls, key: await this.key() };
  }
}
