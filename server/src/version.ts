/** The version of this server, as it tells people, agents and metrics. */
export const SERVER_VERSION = '0.1.0';
