/** The OpenAPI 3.1 document, made of the route table and nothing else; checked in as `openapi/openapi.json`, tested fresh. */
import { z } from 'zod';
import { API_PREFIX } from './client.ts';
import { PROBLEMS, ProblemSchema } from './problems.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';

type JsonSchema = Record<string, unknown>;

function schemaOf(type: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, unrepresentable: 'any' });
  return schema;
}

function parametersOf(route: Route): readonly JsonSchema[] {
  const found: JsonSchema[] = [];
  for (const [place, type] of [
    ['path', route.params],
    ['query', route.query],
  ] as const) {
    const { properties = {}, required = [] } = schemaOf(type, 'input') as {
      properties?: Record<string, JsonSchema>;
      required?: string[];
    }; // as: both are objects in every route
    for (const [name, schema] of Object.entries(properties))
      found.push({ name, in: place, required: place === 'path' || required.includes(name), schema });
  }
  if (route.idempotency)
    found.push({ name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string' } });
  if (route.stream && route.media === undefined)
    found.push({ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } });
  return found;
}

function operationOf(route: Route): JsonSchema {
  const body = schemaOf(route.body, 'input') as { properties?: JsonSchema }; // as: every body is an object
  const hasBody = route.method !== 'GET' && Object.keys(body.properties ?? {}).length > 0;
  const media = route.media ?? (route.stream ? 'text/event-stream' : 'application/json');
  return {
    operationId: route.name,
    summary: route.summary,
    'x-access': route.access,
    ...(route.access === 'public' ? { security: [] } : {}),
    parameters: parametersOf(route),
    ...(hasBody
      ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } }
      : {}),
    responses: {
      200: { description: 'Done', content: { [media]: { schema: schemaOf(route.response, 'output') } } },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

export function generateOpenApi(): string {
  const paths: Record<string, JsonSchema> = {};
  for (const route of ROUTES) {
    const path = `${API_PREFIX}${route.path.replaceAll(/:([a-z]+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Sitelift',
      version: '1',
      description: `Problems are RFC 9457 documents; their types: ${Object.keys(PROBLEMS).join(', ')}.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ session: [] }, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'sitelift_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
      responses: {
        Problem: {
          description: 'A problem',
          content: { 'application/problem+json': { schema: schemaOf(ProblemSchema, 'output') } },
        },
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
