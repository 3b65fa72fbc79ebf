/**
 * The controls of every panel. The toolkit is deprecated, so nothing but this file may import it: replacing it means replacing this
 * file. Lists and text fields are native elements with VS Code's look, which are smaller and known to assistive technology.
 */
import { provideVSCodeDesignSystem, vsCodeButton, vsCodeCheckbox } from '@vscode/webview-ui-toolkit';
import { type ComponentChildren, h, type VNode } from 'preact';

export { Select, type SelectProps, TextInput, type TextInputProps } from './fields';

provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeCheckbox());

/** An element by its tag, with properties that JSX's types do not know. */
const element = (tag: string, props: Readonly<Record<string, unknown>>, ...children: ComponentChildren[]): VNode => h(tag, props as object, ...children) as VNode;

export interface ButtonProps {
  readonly onClick: () => void;
  readonly children?: ComponentChildren;
  readonly kind?: 'primary' | 'secondary';
  readonly disabled?: boolean;
  readonly title?: string;
  readonly class?: string;
}

export function Button({ onClick, children, kind = 'secondary', disabled = false, title, class: name }: ButtonProps): VNode {
  return element('vscode-button', { appearance: kind, disabled, title, class: name, onClick: () => !disabled && onClick() }, children);
}

export interface CheckboxProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children?: ComponentChildren;
}

export function Checkbox({ checked, onChange, children }: CheckboxProps): VNode {
  return element('vscode-checkbox', { checked, onChange: (e: Event) => onChange((e.target as HTMLInputElement).checked) }, children);
}
