/**
 * Pins are looked after, so that none is forgotten (C8, E26): one whose end has come is closed with the reason; seven days
 * before a date its owner is reminded; and once a week the staff gets the list of those without an end, with age and owner.
 */
import type { Instance, Pin } from '@sitelift/domain/fleet/fleet.ts';
import { indexReleases, pinEnded } from '@sitelift/domain/planning/resolve-target.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import { DAY_MS } from '@sitelift/domain/time/instant.ts';
import type { Database } from '../db/database.ts';
import { saveNotice, type NewNotice } from '../db/outbox-store.ts';
import { endPinThatIsOver } from '../fleet/pin-store.ts';

export interface TendPinsDeps {
  readonly db: Database;
  readonly loadSnapshot: () => Promise<FleetSnapshot>;
  readonly staffEmail: string | null;
}

const REMIND_BEFORE_MS = 7 * DAY_MS;
/** The first of January 1970 was a Thursday; weeks begin on Monday. */
const EPOCH_WEEKDAY_OFFSET = 3;

interface Pinned {
  readonly pin: Pin;
  readonly instance: Instance;
}

/** Days since the pin was set, for people. */
function ageOf(pin: Pin, now: number): string {
  const days = Math.floor((now - pin.setAt) / DAY_MS);
  return days === 1 ? '1 day' : `${days} days`;
}

/** An owner who is an address is told; otherwise the staff. */
function recipientOf(pin: Pin, staffEmail: string | null): string | null {
  return pin.owner.includes('@') ? pin.owner : staffEmail;
}

function reminder({ pin, instance }: Pinned, staffEmail: string | null, now: number): NewNotice | null {
  if (pin.ends.kind !== 'at' || pin.ends.at <= now || pin.ends.at - now > REMIND_BEFORE_MS) return null;
  const recipient = recipientOf(pin, staffEmail);
  if (recipient === null) return null;
  const day = new Date(pin.ends.at).toISOString().slice(0, 16).replace('T', ' ');
  return {
    key: `${pin.id}/ends-soon/${recipient}`,
    event: 'pin-ends-soon',
    recipient,
    customerId: instance.customerId,
    runId: null,
    subject: `The pin of ${instance.slug} to ${pin.version} ends on ${day} UTC`,
    body: `From then on ${instance.slug} follows its target again.\nReason of the pin: ${pin.reason}\nOwner: ${pin.owner}`,
  };
}

function weeklyList(endless: readonly Pinned[], staffEmail: string | null, now: number): NewNotice | null {
  if (staffEmail === null || endless.length === 0) return null;
  const week = Math.floor((Math.floor(now / DAY_MS) + EPOCH_WEEKDAY_OFFSET) / 7);
  const oldestFirst = [...endless].sort((a, b) => a.pin.setAt - b.pin.setAt);
  return {
    key: `pins-without-end/${week}/${staffEmail}`,
    event: 'pins-without-end',
    recipient: staffEmail,
    customerId: null,
    runId: null,
    subject: `${endless.length} ${endless.length === 1 ? 'pin has' : 'pins have'} no end`,
    body: oldestFirst
      .map(
        ({ pin, instance }) =>
          `${instance.slug}: ${pin.version} for ${ageOf(pin, now)}, by ${pin.owner}: ${pin.reason}`,
      )
      .join('\n'),
  };
}

export async function tendPins(deps: TendPinsDeps): Promise<void> {
  const snapshot = await deps.loadSnapshot();
  const { now } = snapshot;
  const index = indexReleases(snapshot);
  const instances = new Map(snapshot.instances.map((instance) => [instance.id, instance]));
  const pinned = snapshot.pins.flatMap((pin): Pinned[] => {
    const instance = instances.get(pin.instanceId);
    return instance === undefined ? [] : [{ pin, instance }];
  });
  const standing: Pinned[] = [];
  for (const each of pinned) {
    const why = pinEnded(index, each.instance.productId, each.pin, now);
    if (why === null) standing.push(each);
    else await endPinThatIsOver(deps.db, { pinId: each.pin.id, instanceId: each.instance.id, reason: why });
  }
  const endless = standing.filter(({ pin }) => pin.ends.kind === 'never');
  const notices = [
    ...standing.map((each) => reminder(each, deps.staffEmail, now)),
    weeklyList(endless, deps.staffEmail, now),
  ].filter((notice) => notice !== null);
  if (notices.length === 0) return;
  await deps.db.transaction().execute(async (tx) => {
    for (const notice of notices) await saveNotice(tx, notice);
  });
}
