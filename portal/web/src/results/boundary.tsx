// Keeps a fault of one view from taking the others.
import { Component, type ReactNode } from "react";
import { Failed } from "../shell/status";

interface Props {
  /** What has failed, if it does. */
  what: string;
  children: ReactNode;
}

export class ViewBoundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Failed what={this.props.what} error={error} onRetry={() => this.setState({ error: null })} />
    );
  }
}
