/** Mounts the whole page over a fake server, with plain stand-ins for the other views. */
import { h, render } from 'preact';
import { vi } from 'vitest';
import { Api } from '../../src/client/Api';
import { Client } from '../../src/client/Client';
import { Panel } from '../../src/elements/Panel';
import { Shell, type Views } from '../../src/Shell';
import { Loader } from '../../src/state/loader';
import { comparison, latest } from '../../src/state/resources';
import { waitWhileHidden } from '../../src/state/waiting';
import { installTheme, setDark } from '../../src/theme/theme';
import { FakeAddress } from '../harness/FakeAddress';
import { FakeServer, type FakeServerOptions } from '../harness/fake-server';
import { resetPage } from '../harness/page-state';

export interface Page {
  readonly root: HTMLElement;
  readonly server: FakeServer;
  readonly address: FakeAddress;
  readonly loader: Loader;
  close(): void;
}

function NetworkStandIn() {
  return (
    <Panel
      id="network"
      title="Network"
      exports={{ name: 'network', csv: () => 'layer\r\nconv1\r\n' }}
    >
      <p>{latest(comparison.value)?.layers.length ?? 0} layers</p>
    </Panel>
  );
}

function DistributionStandIn() {
  return (
    <Panel id="distribution" title="Distribution">
      <p>bars</p>
    </Panel>
  );
}

/** Plain panels instead of the views, unless a test brings these. */
export function openPage(
  options: FakeServerOptions = {},
  keys = {},
  views: Partial<Views> = {},
): Page {
  resetPage();
  installTheme();
  setDark(false);
  const server = new FakeServer(options);
  const address = new FakeAddress(keys);
  const client = new Client({ fetch: server.fetch, wait: waitWhileHidden });
  const loader = new Loader(new Api(client), address);
  const root = document.createElement('div');
  document.body.append(root);
  loader.start();
  render(
    h(Shell, {
      link: () => `http://host/#${new URLSearchParams(address.keys)}`,
      NetworkView: NetworkStandIn,
      DistributionView: DistributionStandIn,
      ...views,
    }),
    root,
  );
  const close = () => {
    loader.stop();
    render(null, root);
    root.remove();
  };
  return { root, server, address, loader, close };
}

/** The first element that matches, once it is there. */
export function found<T extends Element = HTMLElement>(selector: string): Promise<T> {
  return vi.waitFor(() => {
    const element = document.querySelector<T>(selector);
    if (!element) throw new Error(`nothing matches ${selector}`);
    return element;
  });
}
