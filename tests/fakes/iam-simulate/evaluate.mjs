// Reads a JSON array of {policies, principal, action, resource, context, resourcePolicy} from standard input and
// writes one decision for each: Allowed, ImplicitlyDenied, ExplicitlyDenied, or "error: ..." for a question that
// makes no sense, such as an action that does not exist or a resource it cannot have. The argument is node_modules.
import { pathToFileURL } from 'node:url'

const library = `${process.argv[2]}/@cloud-copilot/iam-simulate/dist/esm/index.js`
const { runSimulation } = await import(pathToFileURL(library).href)

let text = ''
for await (const chunk of process.stdin) text += chunk

const decisions = []
for (const asked of JSON.parse(text)) {
  const account = asked.account
  const answer = await runSimulation(
    {
      identityPolicies: asked.policies.map((policy, place) => ({ name: `policy-${place}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: asked.resourcePolicy,
      request: {
        action: asked.action,
        principal: asked.principal,
        resource: { accountId: account, resource: asked.resource },
        contextVariables: asked.context ?? {},
      },
    },
    {},
  )
  decisions.push(
    answer.resultType === 'error' ? `error: ${JSON.stringify(answer.errors)}` : (answer.overallResult ?? `error: ${JSON.stringify(answer)}`),
  )
}
process.stdout.write(JSON.stringify(decisions))
