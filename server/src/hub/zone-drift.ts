/**
 * Hosts compute their fires by the time zone rules of their own runtime, the server what it expects by those of its own. Where a country
 * changed its clocks between the two editions, a fire comes an hour off and looks missed. Empty when the editions are the same or one is
 * not told. Pure.
 */
export function describeZoneDrift(ofHost: string | undefined, ofServer: string | undefined): string {
  if (ofHost === undefined || ofServer === undefined || ofHost === ofServer) return '';
  const older = ofHost < ofServer ? 'agent' : 'server';
  return `; its time zone rules are those of ${ofHost}, the server’s of ${ofServer}: where clocks were changed by law since, fires differ until the ${older} is updated`;
}
