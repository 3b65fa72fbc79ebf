import { type ComponentChildren, h, type Ref, type VNode } from 'preact';

/** Lists and text fields of every panel: native elements with VS Code's look. */

/** An element by its tag, with properties that JSX's types do not know. */
const element = (tag: string, props: Readonly<Record<string, unknown>>, ...children: ComponentChildren[]): VNode => h(tag, props as object, ...children) as VNode;

export interface SelectProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [value: T, text: string])[];
  readonly onChange: (value: T) => void;
}

export function Select<T extends string>({ label, value, options, onChange }: SelectProps<T>): VNode {
  return element('label', { class: 'field' }, element('span', { class: 'field-label' }, label),
    element('select', { value, onChange: (e: Event) => onChange((e.target as HTMLSelectElement).value as T) }, options.map(([v, text]) => element('option', { key: v, value: v, selected: v === value }, text))));
}

export interface TextInputProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly input?: Ref<HTMLInputElement>;
}

export function TextInput({ label, value, onInput, input }: TextInputProps): VNode {
  return element('input', { ref: input, class: 'text-input', type: 'search', dir: 'auto', placeholder: label, 'aria-label': label, value, spellcheck: false, onInput: (e: Event) => onInput((e.target as HTMLInputElement).value) });
}
