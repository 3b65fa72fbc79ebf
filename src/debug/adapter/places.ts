/** Lines and columns count from 0 here, and from 1 at most clients. */
export class Places {
  private lineBase = 1;
  private columnBase = 1;

  set(linesStartAt1: boolean, columnsStartAt1: boolean): void {
    this.lineBase = linesStartAt1 ? 1 : 0;
    this.columnBase = columnsStartAt1 ? 1 : 0;
  }

  readonly line = (own: number): number => own + this.lineBase;
  readonly column = (own: number): number => own + this.columnBase;
  readonly ownLine = (client: number): number => client - this.lineBase;
}
