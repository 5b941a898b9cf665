/** The version of this agent, as it tells the server and prints. One place, so that nothing can disagree. */
export const AGENT_VERSION = '0.1.0';
