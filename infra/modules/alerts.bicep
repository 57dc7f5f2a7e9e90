// What wakes a person. Each rule asks for what the app really tells: metrics of functions/telemetry.py, lines of
// functions/sweep.py, functions/ledger/journal.py and functions/triggers/timers.py.

@description('Region')
param location string

@description('Tags')
param tags object

@description('Prefix of the rules\' names')
param prefix string

@description('Id of the Log Analytics workspace')
param workspaceId string

@description('Id of the Application Insights component whose data counts, where others share the workspace')
param componentId string

@description('Name of the app\'s storage account, where dead-letters are kept')
param storageAccountName string

@description('Ids of the action groups that are told')
param actionGroupIds array

@description('Two periods of the sweep and what one takes: PT3H for the hourly one. One of the windows that Azure Monitor knows')
param sweepWindow string

@description('How many apps send their telemetry here, each with its own watch')
param apps int

var ours = '| where _ResourceId =~ \'${componentId}\''
var line = '| extend line = parse_json(Message)'

// `window` is how far back a rule looks, `every` how often. Each query gives one row of numbers, `found`, so that a rule
// for what is missing sees a 0 and not an empty answer.
var rules = [
  {
    name: 'poison'
    title: 'Messages that nobody could finish'
    description: 'tether.poison.depth is above 0. docs/operating.md, When things break; POST /api/poison/replay puts the plain app\'s back; nobody needs to put the second one\'s back.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: 'AppMetrics ${ours} | where Name == \'tether.poison.depth\' | summarize found = max(Max)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'dead-letters'
    title: 'Events that Event Grid could not deliver'
    description: 'Event Grid kept a dead-letter. The sweep makes up for the event; see why the function or the queue did not take it.'
    severity: 2
    every: 'PT15M'
    window: 'PT30M'
    query: 'StorageBlobLogs | where AccountName =~ \'${storageAccountName}\' and OperationName in (\'PutBlob\', \'PutBlockList\') and Uri contains \'/tether-dead-letters/\' | summarize found = count()'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'time-to-link'
    title: 'A zone took more than 120 s from its birth to its link'
    description: 'tether.zone.time to the milestone completed is over 120 s. Nodes give up after 600 s.'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: 'AppMetrics ${ours} | where Name == \'tether.zone.time\' and tostring(Properties.milestone) == \'completed\' | summarize found = max(Max)'
    operator: 'GreaterThan'
    threshold: 120
  }
  {
    name: 'sweep-stopped'
    title: 'Changes are stopped by maxChangedShare'
    description: 'A sweep, or a pass, wants to change or remove more than the policy allows in an hour. Look at GET /api/drift and approve the plan by its id, or mend the policy.'
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    query: 'AppTraces ${ours} | where Message startswith \'{"event":\' ${line} | where (line.event == \'sweep\' and toint(line.stopped) > 0) or (line.event == \'finding\' and line.code == \'change-limit\') | summarize found = count()'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'no-sweep'
    title: 'No sweep for two periods'
    description: 'No sweep has ended. See whether the timers run, and what the log says of the function sweep.'
    severity: 2
    every: 'PT1H'
    window: sweepWindow
    query: 'AppTraces ${ours} | where Message startswith \'{"event":"sweep"\' | summarize found = count()'
    operator: 'LessThan'
    threshold: 1
  }
  {
    name: 'no-watch'
    title: 'Health fails: no round of watch ends'
    description: 'No round of watch has ended for a quarter of an hour: storage, the timers or the policy. GET /api/health names it.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: 'AppTraces ${ours} | where Message startswith \'watch: \' | summarize found = dcount(AppRoleName)'
    operator: 'LessThan'
    threshold: apps
  }
  {
    name: 'unhealthy'
    title: 'Health fails'
    description: 'GET /api/health was answered with 503, or the policy is invalid. The answer, and the log, name what is wrong.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: 'union isfuzzy=true (AppRequests ${ours} | where Url contains \'/api/health\' and ResultCode == \'503\'), (AppTraces ${ours} | where Message contains \'while the policy is invalid\') | summarize found = count()'
    operator: 'GreaterThan'
    threshold: 0
  }
]

resource queries 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${prefix}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: rule.title
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: rule.every
    windowSize: rule.window
    // The tables come with the first data; before it a query of them cannot be checked.
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          metricMeasureColumn: 'found'
          timeAggregation: 'Maximum'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: actionGroupIds
    }
  }
}]
