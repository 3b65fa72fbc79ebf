import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';

/**
 * A request handler whose errors reach the other side in their own words. JSON-RPC would put the method's name before the message
 * of any error that is not a ResponseError.
 */
export function plainErrors<A extends readonly unknown[], R>(handler: (...args: A) => R | Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await handler(...args);
    } catch (e) {
      throw e instanceof ResponseError ? e : new ResponseError(ErrorCodes.InternalError, e instanceof Error ? e.message : String(e));
    }
  };
}
