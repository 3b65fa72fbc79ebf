export * from './document';
export * from './fields';
export * from './cell';
