/**
 * Lobsterpot's OpenClaw plugin: a sandbox backend, a tool policy that holds where the backend does not, and audit findings.
 *
 * OpenClaw calls `register` several times, also to look only; so nothing is started here. A configuration that cannot be used
 * throws, which leaves the backend unregistered: sessions that are configured to use it then fail.
 */
import { registerSandboxBackend, resolveSandboxRuntimeStatus } from "openclaw/plugin-sdk/sandbox";

import { createAudit, logFindings } from "./lib/audit.mjs";
import { BACKEND, createBackend } from "./lib/backend.mjs";
import { createPolicy } from "./lib/policy.mjs";
import { Rewrites } from "./lib/rewrites.mjs";
import { readSettings } from "./lib/settings.mjs";
import { Workspaces } from "./lib/workspaces.mjs";
import manifest from "./openclaw.plugin.json" with { type: "json" };

/** Shared by all registrations in this process: one registry may rewrite a command that another one's backend runs. */
const rewrites = new Rewrites();

export default {
  id: manifest.id,
  name: manifest.name,
  description: manifest.description,
  /** @param {object} api OpenClaw's plugin interface */
  register(api) {
    const settings = readSettings(api.pluginConfig);
    const workspaces = new Workspaces(api.runtime);
    registerSandboxBackend(BACKEND, createBackend(settings, workspaces, rewrites));
    api.registerTrustedToolPolicy(createPolicy(settings, workspaces, rewrites, (context) => isSandboxed(workspaces, context)));
    const audit = createAudit(settings, workspaces, manifest.version);
    api.registerSecurityAuditCollector(audit);
    api.on("gateway_start", () => logFindings(audit, workspaces, api));
  },
};

/** Whether the configuration of now puts the session into our backend. A hint: what runs where is seen only when it runs. */
function isSandboxed(workspaces, { sessionKey, agentId }) {
  try {
    return resolveSandboxRuntimeStatus({ cfg: workspaces.configuration(), sessionKey, agentId }).sandboxed === true;
  } catch {
    return false;
  }
}
