import fs from 'node:fs';
import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';

/** A thin skin over @huggingface/tokenizers: ids in and out, chat template, and the parity rules that the tests hold. */
export class Tokenizer {
  private readonly inner: HfTokenizer;
  private readonly template: Template | undefined;
  private readonly templateVariables: Record<string, unknown>;

  private constructor(tokenizer: object, config: Record<string, unknown>, chatTemplate: string | undefined) {
    this.inner = new HfTokenizer(tokenizer, config);
    this.template = chatTemplate === undefined ? undefined : new Template(chatTemplate);
    const special = (name: string): string => {
      const v = config[name];
      return typeof v === 'string' ? v : v !== null && typeof v === 'object' && 'content' in v ? String((v as { content: unknown }).content) : '';
    };
    this.templateVariables = { bos_token: special('bos_token'), eos_token: special('eos_token'), pad_token: special('pad_token') };
  }

  /**
   * Reads `tokenizer.json`, `tokenizer_config.json` and, when there, `chat_template.jinja` of a folder.
   * @throws Error naming the file that is missing or damaged
   */
  static open(folder: string): Tokenizer {
    const read = (name: string): Record<string, unknown> => {
      const file = path.join(folder, name);
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
      } catch (e) {
        throw new Error(`The tokenizer file "${name}" in "${path.basename(path.dirname(file))}" cannot be read: ${(e as Error).message}`);
      }
    };
    const config = read('tokenizer_config.json');
    const jinja = path.join(folder, 'chat_template.jinja');
    const template = fs.existsSync(jinja) ? fs.readFileSync(jinja, 'utf8') : typeof config.chat_template === 'string' ? config.chat_template : undefined;
    return new Tokenizer(read('tokenizer.json'), config, template);
  }

  /** Token ids of a text; special tokens as the tokenizer's own post-processor adds them when asked for. */
  encode(text: string, specials: boolean): number[] {
    return text === '' && !specials ? [] : this.inner.encode(text, { add_special_tokens: specials }).ids;
  }

  /** Text of ids. Bytes of a character that is not complete yet decode to U+FFFD. */
  decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.inner.decode(ids as number[], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }

  token(id: number): string | undefined {
    return this.inner.id_to_token(id);
  }

  /** True for a token that marks something and stands for no text. */
  isSpecial(id: number): boolean {
    return this.inner.get_added_tokens_decoder().get(id)?.special ?? false;
  }

  /** Kinds of the decoders that the tokenizer chains, in the words of tokenizer.json: `ByteLevel`, `WordPiece`, `ByteFallback` … */
  get decoderKinds(): readonly string[] {
    const kinds = (config: unknown): string[] => {
      const { type, decoders } = (config ?? {}) as { type?: string; decoders?: readonly unknown[] };
      return decoders ? decoders.flatMap(kinds) : type === undefined ? [] : [type];
    };
    return kinds(this.inner.decoder?.config);
  }

  get hasChatTemplate(): boolean {
    return this.template !== undefined;
  }

  /** One user message rendered with the generation prompt. @throws Error when the LLM has no chat template */
  chat(message: string): string {
    if (!this.template) throw new Error('This LLM has no chat template. Use a prompt template that is not a chat one, for instance "plain" or "metamath".');
    return this.template.render({ messages: [{ role: 'user', content: message }], add_generation_prompt: true, ...this.templateVariables });
  }
}
