export { isMigratable } from "./migration/migratable.ts";
export {
  createMigratingClient,
  type MigratingClient,
  type Migration,
  type MigrationOptions,
  type TokenClient,
} from "./migration/migrating-client.ts";
