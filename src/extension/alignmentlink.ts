import path from 'node:path';
import { type AlignmentRequest, isAlignmentRequest } from '../protocol/alignmentpanel';

/** `<scheme>://lingualift.lingualift/alignment?request=…`: the whole request as JSON, so that the same analysis is found again. */
export function alignmentLink(scheme: string, request: AlignmentRequest): string {
  return `${scheme}://lingualift.lingualift/alignment?${new URLSearchParams({ request: JSON.stringify(request) }).toString()}`;
}

/** The request of such a link's query; undefined when it is none, or one that names bundles by anything but absolute paths. */
export function requestOfLink(query: string): AlignmentRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new URLSearchParams(query).get('request') ?? '');
  } catch {
    return undefined;
  }
  return isAlignmentRequest(value) && value.bundles.every((b) => path.isAbsolute(b)) && (value.run === undefined || path.isAbsolute(value.run)) ? value : undefined;
}
