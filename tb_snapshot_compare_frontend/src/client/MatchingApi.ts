/** The routes of the matching as typed functions. */
import type { Client } from './Client';
import type { Match, Matches } from './types';
import { type Follow, json, type PairOf, pairQuery } from './wire';

export class MatchingApi {
  constructor(private readonly client: Client) {}

  matches(pair: PairOf, follow: Follow = {}): Promise<Matches> {
    const url = `matches?${pairQuery(pair)}`;
    return this.client.get({ url, decode: json<Matches>, ...follow });
  }

  /** All corrections of the pair's networks; without `save` only what they would do. */
  correct([a, b]: PairOf, matches: readonly Match[], save: boolean): Promise<Matches> {
    const pair = { a: a.id, ga: a.generation, b: b.id, gb: b.generation };
    return this.client.command('correct', { ...pair, matches, save }, json<Matches>);
  }
}
