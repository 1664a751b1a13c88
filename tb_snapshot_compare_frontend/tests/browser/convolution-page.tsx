/** The page with the convolution operation view alone, over a fake server. */
import { h, render } from 'preact';
import { Api } from '../../src/client/Api';
import { Client } from '../../src/client/Client';
import { Loader } from '../../src/state/loader';
import { waitWhileHidden } from '../../src/state/waiting';
import { installTheme, setDark } from '../../src/theme/theme';
import { ConvolutionView } from '../../src/views/convolution/ConvolutionView';
import { FakeAddress } from '../harness/FakeAddress';
import { FakeServer, type FakeServerOptions } from '../harness/fake-server';
import { resetPage } from '../harness/page-state';

export interface Page {
  readonly server: FakeServer;
  readonly address: FakeAddress;
  close(): void;
}

export async function openConvolution(
  keys: Readonly<Record<string, string>>,
  options: FakeServerOptions = {},
): Promise<Page> {
  resetPage();
  installTheme();
  setDark(false);
  const server = new FakeServer(options);
  const address = new FakeAddress({ a: 'alexnet-10', b: 'alexnet-40', ...keys });
  const client = new Client({ fetch: server.fetch, wait: waitWhileHidden });
  const loader = new Loader(new Api(client), address);
  const root = document.createElement('div');
  root.style.cssText = 'position:absolute;inset:0 auto auto 0;width:900px;height:640px';
  document.body.append(root);
  loader.start();
  render(h(ConvolutionView, null), root);
  return {
    server,
    address,
    close() {
      loader.stop();
      render(null, root);
      root.remove();
    },
  };
}
