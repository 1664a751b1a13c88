interface Message {
  readonly type: string;
  readonly id: number;
  readonly isReply: boolean;
}

/**
 * Calls back at TensorBoard's reload button and at its automatic reload. The channel is that of
 * TensorBoard's experimental plugin library: a port is sent to the host, JSON text goes over it.
 */
export function watchReload(onReload: () => void): () => void {
  if (window.parent === window) return () => undefined;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<string>) => {
    const { type, id, isReply } = JSON.parse(event.data) as Message;
    if (isReply) return;
    if (type === 'experimental.DataReloaded') onReload();
    // The host waits for an answer to each of its messages.
    port1.postMessage(JSON.stringify({ type, id, payload: null, error: null, isReply: true }));
  };
  window.parent.postMessage('experimental.bootstrap', '*', [port2]);
  return () => port1.close();
}
