import { h, render as renderPreact } from 'preact';
import { Api } from './client/Api';
import { Client } from './client/Client';
import { Address } from './host/Address';
import { watchDarkMode } from './host/dark-mode';
import { hostWindow } from './host/parent';
import { watchReload } from './host/reload';
import { watchVisibility } from './host/visibility';
import { Shell } from './Shell';
import { lazyView } from './shell/lazy-view';
import { visible } from './state/environment';
import { rememberLayout } from './state/layout';
import { Loader } from './state/loader';
import { waitWhileHidden } from './state/waiting';
import { installTheme, setDark } from './theme/theme';

/** Called by TensorBoard once it has imported this module into the plugin's frame. */
export async function render(): Promise<void> {
  installTheme();
  const host = hostWindow();
  watchDarkMode(host, setDark);
  watchVisibility((shown) => {
    visible.value = shown;
  });
  rememberLayout();
  const address = new Address(host);
  const loader = new Loader(new Api(new Client({ wait: waitWhileHidden })), address);
  watchReload(() => void loader.reload());
  loader.start();
  const link = () => address.link;
  const NetworkView = lazyView('network', 'Network architecture', async () => {
    return (await import('./views/network/NetworkView')).NetworkView;
  });
  const DistributionView = lazyView('distribution', 'Difference distribution', async () => {
    return (await import('./views/distribution/DistributionView')).DistributionView;
  });
  const ConvolutionView = lazyView('convolution', 'Convolution operation', async () => {
    return (await import('./views/convolution/ConvolutionView')).ConvolutionView;
  });
  const PerformanceView = lazyView('performance', 'Performance', async () => {
    return (await import('./views/performance/PerformanceView')).PerformanceView;
  });
  renderPreact(
    h(Shell, { link, NetworkView, DistributionView, ConvolutionView, PerformanceView }),
    document.body,
  );
}
