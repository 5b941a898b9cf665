/** Why a run that could have a slot does not begin yet. It waits in the queue, keeps its place, and may be cancelled. */
export interface Hold {
  /**
   * `draining`: the host takes no new runs for now. `secrets`: what the run needs to open its source or repository is not here. `repository`:
   * another run of this host has the repository to itself.
   */
  reason: 'draining' | 'secrets' | 'repository';
  /** Half a sentence for the run's log and the operator, such as `the host is drained until …`; it follows “waits: ”. */
  message: string;
}
