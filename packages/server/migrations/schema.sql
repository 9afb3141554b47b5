--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: app_now(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.app_now() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
  select clock_timestamp() + coalesce((select skip from public.clock_offset), interval '0')
$$;

--
-- Name: opening_allowed(text, text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.opening_allowed(p_run text, p_lane text, p_step text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  with recursive r as (
    select * from run where id = p_run
  ), ancestor (step_id) as (
    select unnest(s.needs) from run_step s
     where s.run_id = p_run and s.lane = case p_lane when 'undo' then 'main' else p_lane end and s.step_id = p_step
    union
    select unnest(s.needs) from run_step s join ancestor a on a.step_id = s.step_id
     where s.run_id = p_run and s.lane = case p_lane when 'undo' then 'main' else p_lane end
  )
  select case p_lane
    when 'main' then
      not exists (select from run_step s join ancestor a using (step_id)
                   where s.run_id = p_run and s.lane = 'main' and s.state not in ('succeeded', 'done-by-hand', 'skipped'))
      and not exists (select from run_step s join ancestor a using (step_id)
                       where s.run_id = p_run and s.lane = 'main' and s.kind = 'gate'
                         and coalesce(s.gate, '') not in ('passed', 'overridden'))
      and r.observed_version is not distinct from r.to_version and r.observed_write_ok is true
      and r.observed_seq > r.last_mutation_seq
    when 'undo' then
      not r.point_crossed
      and not exists (select from run_step s, run_step c
                       where s.run_id = p_run and s.lane = 'main' and s.has_undo and s.started_seq is not null
                         and c.run_id = p_run and c.lane = 'main' and c.step_id = p_step
                         and s.started_seq > c.started_seq and s.state <> 'undone' and not s.not_applied)
      and r.observed_version is not distinct from r.from_version and r.observed_seq > r.last_mutation_seq
    when 'recover' then
      not exists (select from run_step s join ancestor a using (step_id)
                   where s.run_id = p_run and s.lane = 'recover' and s.state not in ('succeeded', 'done-by-hand', 'skipped'))
      and r.observed_version is not distinct from r.from_version and r.observed_write_ok is true
      and r.observed_seq > r.last_mutation_seq
    else false
  end
  from r
$$;

--
-- Name: refuse_clock_offset(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_clock_offset() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if current_database() not like 'sitelift\_test\_%' then
    raise exception 'the clock can only be moved in a test database';
  end if;
  return new;
end $$;

--
-- Name: refuse_rewriting(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account (
    id text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL,
    must_change_password boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT account_id_check CHECK ((id ~~ 'acc\_%'::text)),
    CONSTRAINT account_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'release-manager'::text, 'admin'::text])))
);

--
-- Name: api_token; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_token (
    id text NOT NULL,
    token_hash text NOT NULL,
    name text NOT NULL,
    account_id text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_token_id_check CHECK ((id ~~ 'tok\_%'::text))
);

--
-- Name: backup; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.backup (
    id text NOT NULL,
    instance_id text NOT NULL,
    run_id text NOT NULL,
    upgrade_id text NOT NULL,
    grade text NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    bytes bigint NOT NULL,
    output jsonb NOT NULL,
    CONSTRAINT backup_grade_check CHECK ((grade = ANY (ARRAY['written'::text, 'readable'::text, 'restored'::text]))),
    CONSTRAINT backup_id_check CHECK ((id ~~ 'bkp\_%'::text))
);

--
-- Name: change_freeze; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.change_freeze (
    id text NOT NULL,
    key text NOT NULL,
    scope jsonb NOT NULL,
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone,
    reason text NOT NULL,
    owner text NOT NULL,
    managed_by text DEFAULT 'file'::text NOT NULL,
    CONSTRAINT change_freeze_check CHECK (((until_at IS NULL) OR (until_at > from_at))),
    CONSTRAINT change_freeze_id_check CHECK ((id ~~ 'frz\_%'::text)),
    CONSTRAINT change_freeze_managed_by_check CHECK ((managed_by = ANY (ARRAY['file'::text, 'hand'::text])))
);

--
-- Name: channel; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.channel (
    name text NOT NULL,
    rank integer NOT NULL
);

--
-- Name: checklist; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checklist (
    name text NOT NULL,
    title text NOT NULL,
    items jsonb NOT NULL
);

--
-- Name: clock_offset; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clock_offset (
    only_row boolean DEFAULT true NOT NULL,
    skip interval NOT NULL,
    CONSTRAINT clock_offset_only_row_check CHECK (only_row)
);

--
-- Name: customer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.customer (
    id text NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    contacts jsonb DEFAULT '[]'::jsonb NOT NULL,
    managed_by text DEFAULT 'file'::text NOT NULL,
    removed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    CONSTRAINT customer_id_check CHECK ((id ~~ 'cust\_%'::text)),
    CONSTRAINT customer_managed_by_check CHECK ((managed_by = ANY (ARRAY['file'::text, 'hand'::text])))
);

--
-- Name: event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event (
    id bigint NOT NULL,
    chain text NOT NULL,
    chain_seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    verb text NOT NULL,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    customer_id text,
    before jsonb,
    after jsonb,
    reason text,
    prev_hash text NOT NULL,
    hash text NOT NULL
);

--
-- Name: event_chain; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event_chain (
    chain text NOT NULL,
    last_seq integer NOT NULL,
    last_hash text NOT NULL
);

--
-- Name: event_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: hold; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hold (
    id text NOT NULL,
    instance_id text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    owner text,
    release_id text,
    upgrade_id text,
    since_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    until_at timestamp with time zone,
    cleared_at timestamp with time zone,
    cleared_by text,
    clear_reason text,
    CONSTRAINT hold_id_check CHECK ((id ~~ 'hold\_%'::text))
);

--
-- Name: idempotency_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency_key (
    principal text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    status integer,
    body jsonb,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL
);

--
-- Name: instance; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.instance (
    id text NOT NULL,
    slug text NOT NULL,
    customer_id text NOT NULL,
    product_id text NOT NULL,
    role text NOT NULL,
    url text NOT NULL,
    zone text NOT NULL,
    labels text[] DEFAULT '{}'::text[] NOT NULL,
    host text,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    bindings jsonb DEFAULT '{}'::jsonb NOT NULL,
    target jsonb NOT NULL,
    observed_version text,
    observed_healthy boolean,
    observed_problem text,
    observed_at timestamp with time zone,
    observed_slot text,
    observed_open boolean,
    recorded_version text,
    managed_by text DEFAULT 'file'::text NOT NULL,
    removed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    CONSTRAINT instance_id_check CHECK ((id ~~ 'inst\_%'::text)),
    CONSTRAINT instance_managed_by_check CHECK ((managed_by = ANY (ARRAY['file'::text, 'hand'::text])))
);

--
-- Name: instance_claim; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.instance_claim (
    upgrade_id text NOT NULL,
    instance_id text NOT NULL,
    taken_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    released_at timestamp with time zone
);

--
-- Name: known_bad_pair; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.known_bad_pair (
    instance_id text NOT NULL,
    from_version text NOT NULL,
    release_id text NOT NULL,
    playbook_digest text NOT NULL,
    run_id text NOT NULL,
    reason text NOT NULL,
    since_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text,
    lift_reason text
);

--
-- Name: maintenance_window; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.maintenance_window (
    id text NOT NULL,
    key text NOT NULL,
    scope jsonb NOT NULL,
    days text[] NOT NULL,
    start text NOT NULL,
    zone text NOT NULL,
    length_ms bigint NOT NULL,
    cut_off_ms bigint NOT NULL,
    managed_by text DEFAULT 'file'::text NOT NULL,
    CONSTRAINT maintenance_window_cut_off_ms_check CHECK ((cut_off_ms >= 0)),
    CONSTRAINT maintenance_window_id_check CHECK ((id ~~ 'win\_%'::text)),
    CONSTRAINT maintenance_window_length_ms_check CHECK ((length_ms > 0)),
    CONSTRAINT maintenance_window_managed_by_check CHECK ((managed_by = ANY (ARRAY['file'::text, 'hand'::text])))
);

--
-- Name: notice; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notice (
    id text NOT NULL,
    key text NOT NULL,
    event text NOT NULL,
    customer_id text,
    run_id text,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    sent_at timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    CONSTRAINT notice_id_check CHECK ((id ~~ 'ntc\_%'::text)),
    CONSTRAINT notice_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'failed'::text, 'undeliverable'::text])))
);

--
-- Name: pin; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pin (
    id text NOT NULL,
    instance_id text NOT NULL,
    version text NOT NULL,
    owner text NOT NULL,
    reason text NOT NULL,
    set_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    until_at timestamp with time zone,
    until_channel text,
    managed_by text NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    end_reason text,
    CONSTRAINT pin_check CHECK (((until_at IS NULL) OR (until_channel IS NULL))),
    CONSTRAINT pin_id_check CHECK ((id ~~ 'pin\_%'::text)),
    CONSTRAINT pin_managed_by_check CHECK ((managed_by = ANY (ARRAY['file'::text, 'hand'::text])))
);

--
-- Name: placement; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.placement (
    id text NOT NULL,
    release_id text NOT NULL,
    channel text NOT NULL,
    placed_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    placed_by text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    end_reason text,
    CONSTRAINT placement_id_check CHECK ((id ~~ 'plc\_%'::text))
);

--
-- Name: playbook; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.playbook (
    digest text NOT NULL,
    name text NOT NULL,
    title text NOT NULL,
    source text NOT NULL,
    path text NOT NULL,
    added_at timestamp with time zone DEFAULT public.app_now() NOT NULL
);

--
-- Name: playbook_current; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.playbook_current (
    name text NOT NULL,
    digest text NOT NULL
);

--
-- Name: policy; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy (
    level text NOT NULL,
    entries jsonb NOT NULL
);

--
-- Name: product; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.product (
    id text NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    playbook text NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT product_id_check CHECK ((id ~~ 'prod\_%'::text))
);

--
-- Name: promotion_request; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.promotion_request (
    id bigint NOT NULL,
    release_id text NOT NULL,
    channel text NOT NULL,
    artefact jsonb NOT NULL,
    account_id text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    requested_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    CONSTRAINT promotion_request_end_reason_check CHECK ((end_reason = ANY (ARRAY['placed'::text, 'renewed'::text])))
);

--
-- Name: promotion_request_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.promotion_request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.promotion_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: release; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.release (
    id text NOT NULL,
    product_id text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL,
    artefact jsonb NOT NULL,
    notes text,
    needs_downtime boolean DEFAULT true NOT NULL,
    risky boolean DEFAULT false NOT NULL,
    smoke_test text DEFAULT 'not-run'::text NOT NULL,
    published_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    withdrawn_at timestamp with time zone,
    withdrawn_by text,
    withdrawn_reason text,
    CONSTRAINT release_id_check CHECK ((id ~~ 'rel\_%'::text)),
    CONSTRAINT release_smoke_test_check CHECK ((smoke_test = ANY (ARRAY['passed'::text, 'failed'::text, 'not-run'::text])))
);

--
-- Name: run; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run (
    id text NOT NULL,
    upgrade_id text NOT NULL,
    instance_id text NOT NULL,
    plan jsonb NOT NULL,
    state text DEFAULT 'planned'::text NOT NULL,
    state_detail text,
    waiting_code text,
    current_step text,
    fence bigint DEFAULT 0 NOT NULL,
    leased_by text,
    leased_until timestamp with time zone,
    wake_at timestamp with time zone,
    last_seq integer DEFAULT 0 NOT NULL,
    from_version text NOT NULL,
    to_version text NOT NULL,
    point_crossed boolean DEFAULT false NOT NULL,
    last_mutation_seq integer DEFAULT 0 NOT NULL,
    observed_version text,
    observed_write_ok boolean,
    observed_seq integer DEFAULT 0 NOT NULL,
    site_open boolean,
    closed_at timestamp with time zone,
    opened_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT run_id_check CHECK ((id ~~ 'run\_%'::text))
)
WITH (fillfactor='70');

--
-- Name: run_event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run_event (
    run_id text NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    fence bigint NOT NULL,
    body jsonb NOT NULL,
    hash text NOT NULL
);

--
-- Name: run_fence; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.run_fence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: run_step; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run_step (
    run_id text NOT NULL,
    lane text NOT NULL,
    step_id text NOT NULL,
    "position" integer NOT NULL,
    title text NOT NULL,
    kind text NOT NULL,
    action text,
    driver text,
    needs text[] DEFAULT '{}'::text[] NOT NULL,
    has_undo boolean DEFAULT false NOT NULL,
    marked boolean DEFAULT false NOT NULL,
    mutates boolean DEFAULT false NOT NULL,
    closes boolean DEFAULT false NOT NULL,
    opens boolean DEFAULT false NOT NULL,
    switches boolean DEFAULT false NOT NULL,
    expect_ms bigint NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    state_detail text,
    attempt integer DEFAULT 0 NOT NULL,
    not_applied boolean DEFAULT false NOT NULL,
    started_seq integer,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    manual boolean DEFAULT false NOT NULL,
    waits_for text[] DEFAULT '{}'::text[] NOT NULL,
    waits_until timestamp with time zone,
    gate text,
    CONSTRAINT run_step_gate_check CHECK ((gate = ANY (ARRAY['open'::text, 'closed'::text, 'timed-out'::text, 'passed'::text, 'denied'::text, 'overridden'::text]))),
    CONSTRAINT run_step_lane_check CHECK ((lane = ANY (ARRAY['main'::text, 'recover'::text])))
)
WITH (fillfactor='70');

--
-- Name: schema_migration; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migration (
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

--
-- Name: secret; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.secret (
    scope text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    ciphertext bytea NOT NULL,
    key_id text NOT NULL,
    fingerprint text NOT NULL,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    created_by text NOT NULL
);

--
-- Name: session; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.session (
    token_hash text NOT NULL,
    account_id text NOT NULL,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

--
-- Name: setting; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.setting (
    key text NOT NULL,
    value jsonb NOT NULL
);

--
-- Name: step_duration; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.step_duration (
    product text NOT NULL,
    action text NOT NULL,
    step_id text NOT NULL,
    run_id text NOT NULL,
    took_ms bigint NOT NULL,
    ended_at timestamp with time zone NOT NULL
);

--
-- Name: step_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.step_log (
    id bigint NOT NULL,
    run_id text NOT NULL,
    lane text NOT NULL,
    step_id text NOT NULL,
    attempt integer NOT NULL,
    line integer NOT NULL,
    at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    stream text NOT NULL,
    text text NOT NULL
);

--
-- Name: step_log_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.step_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.step_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: stop_the_world; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.stop_the_world (
    only_row boolean DEFAULT true NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT stop_the_world_only_row_check CHECK (only_row)
);

--
-- Name: upgrade; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.upgrade (
    id text NOT NULL,
    customer_id text NOT NULL,
    instance_id text NOT NULL,
    from_version text NOT NULL,
    to_release_id text NOT NULL,
    to_version text NOT NULL,
    trigger text NOT NULL,
    requested_by text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    reasons jsonb DEFAULT '[]'::jsonb NOT NULL,
    content_hash text NOT NULL,
    schedule_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT public.app_now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT upgrade_id_check CHECK ((id ~~ 'upg\_%'::text)),
    CONSTRAINT upgrade_trigger_check CHECK ((trigger = ANY (ARRAY['emergency'::text, 'booked'::text, 'nightly'::text, 'requested'::text])))
);

--
-- Name: account account_email_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_email_key UNIQUE (email);

--
-- Name: account account_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

--
-- Name: api_token api_token_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);

--
-- Name: api_token api_token_token_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_token_hash_key UNIQUE (token_hash);

--
-- Name: backup backup_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.backup
    ADD CONSTRAINT backup_pkey PRIMARY KEY (id);

--
-- Name: change_freeze change_freeze_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.change_freeze
    ADD CONSTRAINT change_freeze_key_key UNIQUE (key);

--
-- Name: change_freeze change_freeze_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.change_freeze
    ADD CONSTRAINT change_freeze_pkey PRIMARY KEY (id);

--
-- Name: channel channel_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.channel
    ADD CONSTRAINT channel_pkey PRIMARY KEY (name);

--
-- Name: channel channel_rank_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.channel
    ADD CONSTRAINT channel_rank_key UNIQUE (rank);

--
-- Name: checklist checklist_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checklist
    ADD CONSTRAINT checklist_pkey PRIMARY KEY (name);

--
-- Name: clock_offset clock_offset_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clock_offset
    ADD CONSTRAINT clock_offset_pkey PRIMARY KEY (only_row);

--
-- Name: customer customer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (id);

--
-- Name: customer customer_slug_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_slug_key UNIQUE (slug);

--
-- Name: event event_chain_chain_seq_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_chain_chain_seq_key UNIQUE (chain, chain_seq);

--
-- Name: event_chain event_chain_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event_chain
    ADD CONSTRAINT event_chain_pkey PRIMARY KEY (chain);

--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

--
-- Name: hold hold_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (id);

--
-- Name: idempotency_key idempotency_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (principal, key);

--
-- Name: instance_claim instance_claim_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance_claim
    ADD CONSTRAINT instance_claim_pkey PRIMARY KEY (upgrade_id, instance_id);

--
-- Name: instance instance_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance
    ADD CONSTRAINT instance_pkey PRIMARY KEY (id);

--
-- Name: instance instance_slug_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance
    ADD CONSTRAINT instance_slug_key UNIQUE (slug);

--
-- Name: known_bad_pair known_bad_pair_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_bad_pair
    ADD CONSTRAINT known_bad_pair_pkey PRIMARY KEY (instance_id, from_version, release_id, playbook_digest);

--
-- Name: maintenance_window maintenance_window_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.maintenance_window
    ADD CONSTRAINT maintenance_window_key_key UNIQUE (key);

--
-- Name: maintenance_window maintenance_window_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.maintenance_window
    ADD CONSTRAINT maintenance_window_pkey PRIMARY KEY (id);

--
-- Name: notice notice_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_key_key UNIQUE (key);

--
-- Name: notice notice_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);

--
-- Name: pin pin_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pin
    ADD CONSTRAINT pin_pkey PRIMARY KEY (id);

--
-- Name: placement placement_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.placement
    ADD CONSTRAINT placement_pkey PRIMARY KEY (id);

--
-- Name: playbook_current playbook_current_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playbook_current
    ADD CONSTRAINT playbook_current_pkey PRIMARY KEY (name);

--
-- Name: playbook playbook_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playbook
    ADD CONSTRAINT playbook_pkey PRIMARY KEY (digest);

--
-- Name: policy policy_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_pkey PRIMARY KEY (level);

--
-- Name: product product_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.product
    ADD CONSTRAINT product_pkey PRIMARY KEY (id);

--
-- Name: product product_slug_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.product
    ADD CONSTRAINT product_slug_key UNIQUE (slug);

--
-- Name: promotion_request promotion_request_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.promotion_request
    ADD CONSTRAINT promotion_request_pkey PRIMARY KEY (id);

--
-- Name: release release_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.release
    ADD CONSTRAINT release_pkey PRIMARY KEY (id);

--
-- Name: release release_product_id_version_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.release
    ADD CONSTRAINT release_product_id_version_key UNIQUE (product_id, version);

--
-- Name: run_event run_event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_event
    ADD CONSTRAINT run_event_pkey PRIMARY KEY (run_id, seq);

--
-- Name: run run_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);

--
-- Name: run_step run_step_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_step
    ADD CONSTRAINT run_step_pkey PRIMARY KEY (run_id, lane, step_id);

--
-- Name: schema_migration schema_migration_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (name);

--
-- Name: secret secret_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secret
    ADD CONSTRAINT secret_pkey PRIMARY KEY (scope, name, version);

--
-- Name: session session_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token_hash);

--
-- Name: setting setting_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (key);

--
-- Name: step_log step_log_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.step_log
    ADD CONSTRAINT step_log_id_key UNIQUE (id);

--
-- Name: step_log step_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.step_log
    ADD CONSTRAINT step_log_pkey PRIMARY KEY (run_id, lane, step_id, attempt, line);

--
-- Name: stop_the_world stop_the_world_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.stop_the_world
    ADD CONSTRAINT stop_the_world_pkey PRIMARY KEY (only_row);

--
-- Name: upgrade upgrade_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.upgrade
    ADD CONSTRAINT upgrade_pkey PRIMARY KEY (id);

--
-- Name: backup_instance; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX backup_instance ON public.backup USING btree (instance_id, finished_at DESC);

--
-- Name: event_object; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_object ON public.event USING btree (object_kind, object_id, id);

--
-- Name: hold_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hold_open ON public.hold USING btree (instance_id) WHERE (cleared_at IS NULL);

--
-- Name: instance_customer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instance_customer ON public.instance USING btree (customer_id);

--
-- Name: instance_product; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX instance_product ON public.instance USING btree (product_id);

--
-- Name: notice_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notice_due ON public.notice USING btree (next_at) WHERE (state = 'queued'::text);

--
-- Name: one_open_upgrade_per_instance; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX one_open_upgrade_per_instance ON public.instance_claim USING btree (instance_id) WHERE (released_at IS NULL);

--
-- Name: pin_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX pin_open ON public.pin USING btree (instance_id) WHERE (ended_at IS NULL);

--
-- Name: placement_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX placement_open ON public.placement USING btree (release_id, channel) WHERE (ended_at IS NULL);

--
-- Name: promotion_request_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX promotion_request_open ON public.promotion_request USING btree (release_id, channel, account_id) WHERE (ended_at IS NULL);

--
-- Name: run_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX run_due ON public.run USING btree (wake_at) WHERE (ended_at IS NULL);

--
-- Name: run_instance; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX run_instance ON public.run USING btree (instance_id, created_at DESC);

--
-- Name: run_step_waits_for; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX run_step_waits_for ON public.run_step USING gin (waits_for) WHERE (state = 'waiting'::text);

--
-- Name: run_upgrade; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX run_upgrade ON public.run USING btree (upgrade_id);

--
-- Name: step_duration_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX step_duration_key ON public.step_duration USING btree (product, step_id, action, ended_at DESC);

--
-- Name: upgrade_instance; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX upgrade_instance ON public.upgrade USING btree (instance_id, created_at DESC);

--
-- Name: upgrade_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX upgrade_open ON public.upgrade USING btree (instance_id) WHERE (ended_at IS NULL);

--
-- Name: clock_offset clock_offset_only_in_tests; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER clock_offset_only_in_tests BEFORE INSERT OR UPDATE ON public.clock_offset FOR EACH ROW EXECUTE FUNCTION public.refuse_clock_offset();

--
-- Name: event event_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.event FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

--
-- Name: run_event run_event_append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER run_event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.run_event FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_rewriting();

--
-- Name: api_token api_token_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

--
-- Name: backup backup_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.backup
    ADD CONSTRAINT backup_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: backup backup_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.backup
    ADD CONSTRAINT backup_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: backup backup_upgrade_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.backup
    ADD CONSTRAINT backup_upgrade_id_fkey FOREIGN KEY (upgrade_id) REFERENCES public.upgrade(id);

--
-- Name: event event_customer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(id);

--
-- Name: hold hold_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: hold hold_release_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.release(id);

--
-- Name: instance_claim instance_claim_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance_claim
    ADD CONSTRAINT instance_claim_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: instance_claim instance_claim_upgrade_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance_claim
    ADD CONSTRAINT instance_claim_upgrade_id_fkey FOREIGN KEY (upgrade_id) REFERENCES public.upgrade(id);

--
-- Name: instance instance_customer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance
    ADD CONSTRAINT instance_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(id);

--
-- Name: instance instance_product_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance
    ADD CONSTRAINT instance_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.product(id);

--
-- Name: known_bad_pair known_bad_pair_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_bad_pair
    ADD CONSTRAINT known_bad_pair_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: known_bad_pair known_bad_pair_release_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_bad_pair
    ADD CONSTRAINT known_bad_pair_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.release(id);

--
-- Name: known_bad_pair known_bad_pair_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_bad_pair
    ADD CONSTRAINT known_bad_pair_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: notice notice_customer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(id);

--
-- Name: notice notice_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: pin pin_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pin
    ADD CONSTRAINT pin_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: pin pin_until_channel_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pin
    ADD CONSTRAINT pin_until_channel_fkey FOREIGN KEY (until_channel) REFERENCES public.channel(name);

--
-- Name: placement placement_channel_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.placement
    ADD CONSTRAINT placement_channel_fkey FOREIGN KEY (channel) REFERENCES public.channel(name);

--
-- Name: placement placement_release_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.placement
    ADD CONSTRAINT placement_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.release(id);

--
-- Name: playbook_current playbook_current_digest_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.playbook_current
    ADD CONSTRAINT playbook_current_digest_fkey FOREIGN KEY (digest) REFERENCES public.playbook(digest);

--
-- Name: promotion_request promotion_request_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.promotion_request
    ADD CONSTRAINT promotion_request_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

--
-- Name: promotion_request promotion_request_channel_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.promotion_request
    ADD CONSTRAINT promotion_request_channel_fkey FOREIGN KEY (channel) REFERENCES public.channel(name);

--
-- Name: promotion_request promotion_request_release_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.promotion_request
    ADD CONSTRAINT promotion_request_release_id_fkey FOREIGN KEY (release_id) REFERENCES public.release(id);

--
-- Name: release release_product_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.release
    ADD CONSTRAINT release_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.product(id);

--
-- Name: run_event run_event_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_event
    ADD CONSTRAINT run_event_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: run run_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: run_step run_step_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_step
    ADD CONSTRAINT run_step_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: run run_upgrade_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_upgrade_id_fkey FOREIGN KEY (upgrade_id) REFERENCES public.upgrade(id);

--
-- Name: session session_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

--
-- Name: step_duration step_duration_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.step_duration
    ADD CONSTRAINT step_duration_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: step_log step_log_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.step_log
    ADD CONSTRAINT step_log_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);

--
-- Name: upgrade upgrade_customer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.upgrade
    ADD CONSTRAINT upgrade_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(id);

--
-- Name: upgrade upgrade_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.upgrade
    ADD CONSTRAINT upgrade_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instance(id);

--
-- Name: upgrade upgrade_to_release_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.upgrade
    ADD CONSTRAINT upgrade_to_release_id_fkey FOREIGN KEY (to_release_id) REFERENCES public.release(id);

--
-- PostgreSQL database dump complete
--

