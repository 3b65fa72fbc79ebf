import { type VNode } from 'preact';
import { type ButtonProps, type CheckboxProps } from './controls';

/**
 * Button and check box as native elements, with the properties of those in controls.ts: for panels whose own code is large, because the
 * toolkit's take 80 kB.
 */
export function Button({ onClick, children, kind = 'secondary', disabled = false, title, class: name }: ButtonProps): VNode {
  return <button type="button" class={`button ${kind} ${name ?? ''}`} disabled={disabled} title={title} onClick={onClick}>{children}</button>;
}

export function Checkbox({ checked, onChange, children }: CheckboxProps): VNode {
  return <label class="check"><input type="checkbox" checked={checked} onChange={(e) => onChange(e.currentTarget.checked)} /> {children}</label>;
}
