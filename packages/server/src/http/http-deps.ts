/**
 * Everything that the HTTP server needs of the rest, and nothing else: `compose.ts` fills it in. Functions, so that a route
 * can do exactly what is listed here and a test can stand the real server on a real database with little around it.
 */
import type { ApplyResult } from '@sitelift/contract/views.ts';
import type { ProblemDetails } from '@sitelift/contract/problems.ts';
import type { WindowOccurrence } from '@sitelift/domain/fleet/fleet.ts';
import type { NightPlan, PlanNote, Reason } from '@sitelift/domain/planning/decision.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import type { EpochMs } from '@sitelift/domain/time/instant.ts';
import type { Database } from '../db/database.ts';
import type { RunHooks } from '../engine/pg-run-store.ts';
import type { NewSecret, SecretListing, SetSecretResult } from '../secrets/secret-store.ts';
import type { ByWhom, ChangeResult } from '../fleet/change-result.ts';
import type { RequestResult } from '../upgrades/request-upgrade.ts';

/** Commands of the fleet: each one transaction with its audit event. */
export interface FleetCommands {
  /** `dryRun`: says only whether a rule of the channel stands against it. `accountId`: a risky release needs two of them. */
  promote(
    input: ByWhom & {
      readonly releaseId: string;
      readonly channel: string;
      readonly accountId: string;
      readonly dryRun: boolean;
    },
  ): Promise<ChangeResult>;
  withdraw(input: ByWhom & { readonly releaseId: string }): Promise<ChangeResult>;
  setPin(
    input: ByWhom & {
      readonly instanceId: string;
      readonly version: string;
      readonly owner: string;
      readonly untilAt: EpochMs | null;
      readonly untilChannel: string | null;
    },
  ): Promise<ChangeResult>;
  endPin(input: ByWhom & { readonly instanceId: string }): Promise<ChangeResult>;
  clearHold(input: ByWhom & { readonly holdId: string; readonly tryAgain: boolean }): Promise<ChangeResult>;
  stop(input: ByWhom): Promise<ChangeResult>;
  releaseStop(input: ByWhom): Promise<ChangeResult>;
}

/** Write-only: nothing here opens a secret. */
export interface SecretCommands {
  readonly set: (secret: NewSecret) => Promise<SetSecretResult>;
  readonly list: () => Promise<readonly SecretListing[]>;
}

/** An upgrade that a person asks for; whoever composes adds what policies say (backup, `any-time`). */
export interface PersonalRequest extends ByWhom {
  readonly instanceId: string;
  readonly releaseId: string;
  readonly window: WindowOccurrence | null;
  readonly anyTime: boolean;
  readonly reasons: readonly Reason[];
}

export interface HttpSettings {
  /** Origin under which people reach the console, e.g. `http://127.0.0.1:7410`; https makes cookies Secure. */
  readonly publicUrl: string;
  readonly version: string;
  readonly demo: boolean;
  readonly mail: 'configured' | 'not-configured';
  /** The built web bundle; a directory without `index.html` gets a page that says how to build it. */
  readonly webDir: string;
}

export interface HttpLog {
  readonly info: (facts: object, text: string) => void;
  readonly error: (facts: object, text: string) => void;
}

export interface HttpDeps {
  readonly db: Database;
  readonly settings: HttpSettings;
  readonly log: HttpLog;
  /** The same three that the night uses. `at` null: now. */
  readonly planning: {
    readonly loadSnapshot: (at: EpochMs | null) => Promise<FleetSnapshot>;
    readonly planNight: (snapshot: FleetSnapshot) => NightPlan;
    readonly checkPlan: (snapshot: FleetSnapshot, plan: NightPlan) => readonly PlanNote[];
  };
  /** One pass of the night, now; ids of the runs that it started. */
  readonly planNow: () => Promise<readonly string[]>;
  /** Does this while no pass of the night is under way: what both count as free, both would use. */
  readonly betweenPasses: (work: () => Promise<void>) => Promise<void>;
  readonly startUpgrade: (request: PersonalRequest) => Promise<RequestResult>;
  /** The file that a run's journal names as its export, if it lies in the run's own directory on this machine. */
  readonly lossExportOf: (runId: string, named: string) => string | null;
  /** What follows from a person's word to a run: `commandRun` of the engine. */
  readonly runHooks: RunHooks;
  readonly applyFleet: (
    files: readonly { readonly path: string; readonly text: string }[],
    options: { readonly dryRun: boolean; readonly prune: boolean; readonly actor: string },
  ) => Promise<ApplyResult | { readonly fileErrors: NonNullable<ProblemDetails['fileErrors']> }>;
  readonly fleet: FleetCommands;
  readonly secrets: SecretCommands;
}
