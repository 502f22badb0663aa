"""The incident service: what a capability reaches of the store, as JSON over HTTP.

A container cannot open the store's file, so each worker whose project has a capability with
`x-service: incidents` listens on 127.0.0.1 and a free port for as long as it serves. Such a
capability finds the URL in its configuration and the token among its secrets:

    schemas:
      config: {type: object, properties: {url: {type: string, x-service: incidents}}}
      secrets: {type: object, properties: {token: {type: string, x-service: incidents}}}
    security: {networkAccess: {allowOutbound: ["config:url"]}}

Every request carries `Authorization: Bearer TOKEN`; bodies and answers are JSON objects, names in
camelCase, times ISO 8601 in UTC with Z and milliseconds.

    POST /v1/incidents                     201 incident; 200 where this key or PagerDuty id has one
         {title, severity, impactedServices?, startedAt?, actor?, pagerdutyIncidentId?, key?}
    GET  /v1/incidents                     {incidents: [incident]}, newest first
         ?status &severity &since &until &limit (1 to 1,000)
    GET  /v1/incidents/ID                  incident
    POST /v1/incidents/ID/transitions      {incident, changed}
         {to, actor?, reason?, at?}        already there: changed false, nothing is written
    POST /v1/incidents/ID/events           {events: [event], added}; each key once, a repeated one
         {events: [{type, description, key, actor?, at?, data?}]}, 1 to 500    as it stands
    GET  /v1/incidents/ID/events           {events: [event], more}, in the order of the chain
         ?type (may end in .*) &actor &since &until &after (a sequence) &limit (1 to 5,000)
    GET  /v1/incidents/ID/approvals        {approvals: [approval]}
    GET  /v1/incidents/ID/verify           {intact, events, head, problems: [{sequence, problem}]}
    GET  /v1/incidents/ID/metrics          {mttaSeconds, mttrSeconds}, null until known
    GET  /v1/metrics                       {incidents, acknowledged, resolved, mttaSeconds,
         ?severity &since &until           mttrSeconds}: means, of incidents begun in that time
    PUT  /v1/incidents/ID/statuspage       incident
         {statuspageId, status}
    PUT  /v1/incidents/ID/slack            incident
         {channelId, channelName, archived?}
    PUT  /v1/incidents/ID/confluence       incident
         {pageId, pageUrl, spaceKey}

incident: {id, title, severity, status, phase, startedAt, acknowledgedAt, resolvedAt, closedAt,
impactedServices, pagerdutyIncidentId, events, head, statuspage, slack, confluence}; what is not
known is null; `statuspage`, `slack`, `confluence` are as they were put.
event: {id, incidentId, sequence, type, actor, description, at, recordedAt, source, run, blueprint,
step, gate, data, key, previous, hash}.
approval: {id, incidentId, workflowId, gate, round, action, approvers, status, approverId, reason,
source, requestedAt, decidedAt, deadline}; status Pending, Approved, Rejected, TimedOut, Escalated.

`status` is Created, Investigating, Escalated, Resolved, PostMortem or Closed; `phase`, of an
incident that is Investigating or Escalated, is Triaging, Remediating, Verifying or Verified. `to`
takes any of these words; Investigating is Triaging from Created, and from Escalated the phase that
was left. Resolved is taken from any phase of Investigating.

An error is {error: {code, message}}: 400 INPUTS, 401 UNAUTHORIZED, 404 INCIDENT_UNKNOWN,
409 WRONG_TRANSITION (recorded on the timeline), 413 TOO_LARGE, 503 STORE_AWAY with Retry-After.

Everything may be sent again: an opening by its key, an event by its key, a transition and a PUT by
what they ask for.
"""
