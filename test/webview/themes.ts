/** The theme variables that the panels use, as VS Code's own themes set them: enough to judge contrast and look. */
const DARK = {
  'vscode-foreground': '#cccccc', 'vscode-editor-background': '#1f1f1f', 'vscode-descriptionForeground': '#9d9d9d', 'vscode-errorForeground': '#f85149', 'vscode-focusBorder': '#0078d4',
  'vscode-panel-border': '#2b2b2b', 'vscode-textLink-foreground': '#4daafc', 'vscode-button-background': '#0078d4', 'vscode-button-foreground': '#ffffff', 'vscode-button-secondaryBackground': '#313131',
  'vscode-button-secondaryForeground': '#cccccc', 'vscode-list-activeSelectionBackground': '#04395e', 'vscode-list-activeSelectionForeground': '#ffffff', 'vscode-list-hoverBackground': '#2a2d2e',
  'vscode-dropdown-background': '#313131', 'vscode-dropdown-foreground': '#cccccc', 'vscode-dropdown-border': '#3c3c3c', 'vscode-input-background': '#313131', 'vscode-input-foreground': '#cccccc',
  'vscode-input-placeholderForeground': '#989898', 'vscode-charts-blue': '#59a4f9', 'vscode-charts-green': '#89d185', 'vscode-charts-red': '#f14c4c', 'vscode-charts-purple': '#b180d7', 'vscode-editorWarning-foreground': '#cca700',
  'vscode-testing-iconPassed': '#73c991', 'vscode-testing-iconFailed': '#f14c4c', 'vscode-textCodeBlock-background': '#2b2b2b', 'vscode-editorWidget-background': '#202020', 'vscode-badge-background': '#616161',
  'vscode-badge-foreground': '#f8f8f8', 'vscode-inputOption-activeBackground': '#2489db82', 'vscode-inputOption-activeForeground': '#ffffff', 'vscode-inputOption-activeBorder': '#2488db', 'vscode-checkbox-background': '#313131', 'vscode-checkbox-border': '#3c3c3c',
};

const LIGHT: typeof DARK = {
  ...DARK,
  'vscode-foreground': '#3b3b3b', 'vscode-editor-background': '#ffffff', 'vscode-descriptionForeground': '#3b3b3b', 'vscode-errorForeground': '#a1260d', 'vscode-focusBorder': '#005fb8', 'vscode-panel-border': '#e5e5e5',
  'vscode-textLink-foreground': '#005fb8', 'vscode-button-background': '#005fb8', 'vscode-button-secondaryBackground': '#e5e5e5', 'vscode-button-secondaryForeground': '#3b3b3b', 'vscode-list-activeSelectionBackground': '#e8e8e8',
  'vscode-list-activeSelectionForeground': '#000000', 'vscode-list-hoverBackground': '#f2f2f2', 'vscode-dropdown-background': '#ffffff', 'vscode-dropdown-foreground': '#3b3b3b', 'vscode-dropdown-border': '#cecece', 'vscode-input-background': '#ffffff',
  'vscode-input-foreground': '#3b3b3b', 'vscode-input-placeholderForeground': '#767676', 'vscode-charts-blue': '#1a85ff', 'vscode-charts-green': '#388a34', 'vscode-charts-red': '#e51400', 'vscode-charts-purple': '#652d90', 'vscode-editorWarning-foreground': '#8a6100',
  'vscode-testing-iconPassed': '#2d7a29', 'vscode-testing-iconFailed': '#c72e0f', 'vscode-textCodeBlock-background': '#f8f8f8', 'vscode-editorWidget-background': '#f8f8f8', 'vscode-badge-background': '#cccccc', 'vscode-badge-foreground': '#3b3b3b',
  'vscode-inputOption-activeBackground': '#bed6ed', 'vscode-inputOption-activeForeground': '#000000', 'vscode-inputOption-activeBorder': '#005fb8', 'vscode-checkbox-background': '#f8f8f8', 'vscode-checkbox-border': '#cecece',
};

const CONTRAST = {
  ...DARK,
  'vscode-foreground': '#ffffff', 'vscode-editor-background': '#000000', 'vscode-descriptionForeground': '#ffffff', 'vscode-focusBorder': '#f38518', 'vscode-panel-border': '#6fc3df', 'vscode-contrastBorder': '#6fc3df', 'vscode-contrastActiveBorder': '#f38518',
  'vscode-textLink-foreground': '#21a6ff', 'vscode-button-background': '#000000', 'vscode-button-secondaryBackground': '#000000', 'vscode-button-secondaryForeground': '#ffffff', 'vscode-list-activeSelectionBackground': '#000000', 'vscode-list-hoverBackground': '#000000',
  'vscode-dropdown-background': '#000000', 'vscode-dropdown-foreground': '#ffffff', 'vscode-dropdown-border': '#6fc3df', 'vscode-input-background': '#000000', 'vscode-input-foreground': '#ffffff', 'vscode-input-placeholderForeground': '#ffffffb3', 'vscode-editorWarning-foreground': '#ffd370',
  'vscode-textCodeBlock-background': '#000000', 'vscode-editorWidget-background': '#0c141f', 'vscode-badge-background': '#000000', 'vscode-inputOption-activeBackground': '#000000', 'vscode-checkbox-background': '#000000', 'vscode-checkbox-border': '#6fc3df',
};

export const THEMES = {
  dark: { body: 'vscode-dark', variables: DARK },
  light: { body: 'vscode-light', variables: LIGHT },
  contrast: { body: 'vscode-high-contrast', variables: CONTRAST },
} as const;
export type Theme = keyof typeof THEMES;
