/** What an engine can be told, by the names of releases before 1.6; since then they stand below control/. */
export const engineRouteNames = [
  "start_profile",
  "stop_profile",
  "update_weights_from_disk",
  "update_weights_from_tensor",
  "init_weights_update_group",
  "destroy_weights_update_group",
  "update_weights_from_distributed",
  "update_weights_from_distributor",
  "update_weights_from_ipc",
  "update_weight_version",
  "get_weight_version",
  "pause_generation",
  "continue_generation",
  "release_memory_occupation",
  "resume_memory_occupation",
  "flush_cache",
] as const;
