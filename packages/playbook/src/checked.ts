/** A playbook while it is checked: its steps with their flags, their order, and the three that the rules turn on. */
import type { ActionFlags } from '@sitelift/domain/run/plan.ts';
import type { Playbook, PlaybookUsesStep } from './playbook.ts';
import type { Position } from './source-error.ts';
import type { StepOrder } from './step-order.ts';

export interface FlaggedStep {
  readonly step: PlaybookUsesStep;
  readonly flags: ActionFlags;
  readonly disruptive: boolean;
}

export interface Checked {
  readonly playbook: Playbook;
  readonly uses: readonly FlaggedStep[];
  readonly order: StepOrder;
  readonly closing: FlaggedStep | null;
  readonly opening: FlaggedStep | null;
  readonly marked: FlaggedStep | null;
  readonly refuse: (at: Position, message: string, expected?: string) => void;
}
