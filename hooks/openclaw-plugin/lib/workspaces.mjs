/**
 * Which folder is the workspace of a call: the one that OpenClaw gave our backend for this session, else the configured one of
 * the agent. Never one that the model named.
 */
import { realpathSync } from "node:fs";

/** Sessions that are remembered. */
const MAX_SESSIONS = 1024;

/** Workspaces by session, for all registrations in this process. */
const sessions = new Map();

/** Knows the sessions' workspaces. */
export class Workspaces {
  #runtime;

  /** @param {object} runtime OpenClaw's `api.runtime` */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /** Remembers what OpenClaw said when it started our backend for a session. */
  remember(sessionKey, workspace) {
    sessions.delete(sessionKey);
    sessions.set(sessionKey, workspace);
    if (sessions.size > MAX_SESSIONS) sessions.delete(sessions.keys().next().value);
  }

  /**
   * The workspace of a call.
   *
   * @param {{sessionKey?: string, agentId?: string}} context
   * @returns {string} absolute, real
   */
  of(context) {
    const known = sessions.get(context.sessionKey);
    return realpathSync(known ?? this.#runtime.agent.resolveAgentWorkspaceDir(this.configuration(), agentOf(context)));
  }

  /** OpenClaw's configuration as it is now. */
  configuration() {
    return this.#runtime.config.current();
  }
}

/** The agent of a call; a session's key begins with its agent. */
export function agentOf({ agentId, sessionKey }) {
  return agentId ?? /^agent:([^:]+):/u.exec(sessionKey ?? "")?.[1] ?? "main";
}
