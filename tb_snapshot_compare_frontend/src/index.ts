import { h, render as renderPreact } from 'preact';
import { Api } from './client/Api';
import { Client } from './client/Client';
import { Address } from './host/Address';
import { watchDarkMode } from './host/dark-mode';
import { hostWindow } from './host/parent';
import { watchReload } from './host/reload';
import { watchVisibility } from './host/visibility';
import { Shell } from './Shell';
import { lazyPage, lazyView } from './shell/lazy-view';
import { visible } from './state/environment';
import { rememberLayout } from './state/layout';
import { Loader } from './state/loader';
import { page } from './state/training';
import { waitWhileHidden } from './state/waiting';
import { installTheme, setDark } from './theme/theme';

type ViewParts = Parameters<typeof lazyView>;

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
  const first = page.value === 'compare';
  const view = (id: ViewParts[0], title: string, load: ViewParts[2]) =>
    lazyView(id, title, load, first);
  const NetworkView = view('network', 'Network architecture', async () => {
    return (await import('./views/network/NetworkView')).NetworkView;
  });
  const DistributionView = view('distribution', 'Difference distribution', async () => {
    return (await import('./views/distribution/DistributionView')).DistributionView;
  });
  const ConvolutionView = view('convolution', 'Convolution operation', async () => {
    return (await import('./views/convolution/ConvolutionView')).ConvolutionView;
  });
  const PerformanceView = view('performance', 'Performance', async () => {
    return (await import('./views/performance/PerformanceView')).PerformanceView;
  });
  const TrainingPage = lazyPage(
    async () => (await import('./TrainingPage')).TrainingPage,
    page.value === 'training',
  );
  const views = { NetworkView, DistributionView, ConvolutionView, PerformanceView, TrainingPage };
  renderPreact(h(Shell, { link, ...views }), document.body);
}
