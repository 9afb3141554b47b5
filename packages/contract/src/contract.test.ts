import { describe, expect, it } from 'vitest';
import { urlOf } from './client.ts';
import { generateOpenApi } from './openapi.ts';
import { PROBLEMS, problemCodeOf, problemType } from './problems.ts';
import { ROUTES, routes } from './routes.ts';

describe('the route table', () => {
  it('has no method and path twice, and every name is its key', () => {
    const seen = ROUTES.map((route) => `${route.method} ${route.path}`);
    expect(new Set(seen).size).toBe(seen.length);
    for (const [key, route] of Object.entries(routes)) expect(route.name).toBe(key);
  });

  it('names exactly the parameters that its path has', () => {
    for (const route of ROUTES) {
      const inPath = [...route.path.matchAll(/:([a-z]+)/g)].map(([, name]) => name);
      expect(route.params.safeParse(Object.fromEntries(inPath.map((name) => [name, 'abc']))).success).toBe(
        true,
      );
      if (inPath.length > 0) expect(route.params.safeParse({}).success).toBe(false);
    }
  });

  it('refuses a field that it does not know, in every body and query', () => {
    for (const route of ROUTES) {
      expect(route.query.safeParse({ surprise: 1 }).success).toBe(false);
      expect(route.body.safeParse({ surprise: 1 }).success).toBe(false);
    }
  });
});

describe('addresses and documents', () => {
  it('a parameter cannot leave its place in the path', () => {
    expect(urlOf(routes.getRun, { params: { run: '../secrets?x=1' } })).toBe(
      '/api/v1/runs/..%2Fsecrets%3Fx%3D1',
    );
  });

  it('a problem type leads back to its code', () => {
    for (const code of Object.keys(PROBLEMS))
      expect(problemCodeOf(problemType(code as keyof typeof PROBLEMS))).toBe(code);
    expect(problemCodeOf('about:blank')).toBeNull();
  });

  it('OpenAPI knows every route', () => {
    const { paths } = JSON.parse(generateOpenApi()) as { paths: Record<string, Record<string, unknown>> };
    const operations = Object.values(paths).reduce((sum, path) => sum + Object.keys(path).length, 0);
    expect(operations).toBe(ROUTES.length);
  });
});
