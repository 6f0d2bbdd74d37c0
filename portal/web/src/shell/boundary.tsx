// Keeps a fault of one page from taking the whole window.
import { Component, type ErrorInfo, type ReactNode } from "react";
import { Failed } from "./status";

interface Props {
  /** What is shown; when it changes, the fault is forgotten. */
  place: string;
  children: ReactNode;
}

interface State {
  error: Error | null;
  place: string;
}

export class Boundary extends Component<Props, State> {
  override state: State = { error: null, place: this.props.place };

  static getDerivedStateFromError(error: Error): Partial<State> {
    return { error };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.place === state.place ? null : { error: null, place: props.place };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <>
        <h1 tabIndex={-1}>This page cannot be shown</h1>
        <Failed error={error} onRetry={() => this.setState({ error: null })}>
          <p className="mb-2">
            The other pages still work. Loading this one anew may help, for instance after an update
            of the server.
          </p>
          <button
            type="button"
            className="btn btn-sm btn-danger"
            onClick={() => window.location.reload()}
          >
            Load the page anew
          </button>
        </Failed>
      </>
    );
  }
}
