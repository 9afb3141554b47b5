import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    maxWorkers: 2,
    testTimeout: 60_000,
    // Waiting for a state costs nothing when it comes; a busy machine may take its time.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 120_000,
  },
});
