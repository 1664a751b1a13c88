import type { ComponentChildren } from 'preact';
import { retryFailed } from '../state/environment';
import type { Failure } from '../state/resources';
import { adoptStyles } from '../theme/styles';
import { Button } from './Button';
import css from './EmptyState.css?inline';
import { Icon, type IconName } from './Icon';

adoptStyles(css);

export interface EmptyStateProps {
  readonly icon?: IconName;
  /** What is the case, in a few words. */
  readonly title: string;
  /** Why, and what to do. */
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly tone?: 'neutral' | 'error';
}

/** Fills its container when there is nothing to draw: says why, and what to do. */
export function EmptyState({ icon, title, children, actions, tone = 'neutral' }: EmptyStateProps) {
  return (
    <div class="empty-state" data-tone={tone} role={tone === 'error' ? 'alert' : undefined}>
      {icon && (
        <div class="empty-state-icon">
          <Icon name={icon} size={28} />
        </div>
      )}
      <h3>{title}</h3>
      {children && <div class="empty-state-body">{children}</div>}
      {actions && <div class="empty-state-actions">{actions}</div>}
    </div>
  );
}

/** A request that failed: the server's own words, and a button to ask again. */
export function FailureState({
  title,
  failure,
  actions,
}: {
  readonly title: string;
  readonly failure: Failure;
  /** Beside the button that asks again. */
  readonly actions?: ComponentChildren;
}) {
  return (
    <EmptyState
      icon="warning"
      tone="error"
      title={title}
      actions={
        <>
          <Button onClick={retryFailed}>Try again</Button>
          {actions}
        </>
      }
    >
      <p>{failure.message}</p>
    </EmptyState>
  );
}
