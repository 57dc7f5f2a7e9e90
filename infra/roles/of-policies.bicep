// Who may do what outside Tether's own resource group, made from what the two policies say, so that rights and policies
// cannot drift apart. In mode observe there is nothing here but reading. A field that a policy leaves out has the default
// of functions/policy.py. Bicep needs none of the parentheses after && and ||; the parsers of the tests do.
targetScope = 'subscription'

@description('The plain app\'s policy as JSON')
param policyText string

@description('The second app\'s policy as JSON')
param privilegedText string

@description('Whether there is a second app')
param privilegedApp bool

@description('Principal id of the plain app\'s identity')
param principalId string

@description('Principal id of the second app\'s identity; empty: there is none')
param privilegedPrincipalId string

@description('Part of the deployments\' names, so that two environments do not meet')
param token string

var policy = json(policyText)
var secondPolicy = json(privilegedText)
var owner = policy.owner
var enforces = contains(policy, 'mode') && (policy.mode == 'enforce')
var secondEnforces = contains(secondPolicy, 'mode') && (secondPolicy.mode == 'enforce')
// In lower case, as Azure writes ids: the names of roles are made of them.
var spokes = [for id in (contains(policy.scope, 'subscriptions') ? policy.scope.subscriptions : []): toLower(id)]
var secondSpokes = [for id in (contains(secondPolicy.scope, 'subscriptions') ? secondPolicy.scope.subscriptions : []): toLower(id)]
var discovers = !contains(policy, 'discoverResolvers') || (policy.discoverResolvers)
var discoveredHubs = [for id in (enforces && discovers && contains(policy.scope, 'hubSubscriptions') ? policy.scope.hubSubscriptions : []): toLower(id)]
var namedHubs = enforces && contains(policy, 'hubs') ? policy.hubs : []
var customZones = contains(policy, 'customZones') ? policy.customZones : []
var linkedCustomZones = enforces ? customZones : []
var records = contains(policy, 'records') ? policy.records : []
var recordZones = filter(records, record => contains(record, 'privateZone'))
var attaches = !contains(policy, 'routeTables') || !contains(policy.routeTables, 'attach') || (policy.routeTables.attach)
var reattaches = contains(policy, 'routeTables') && contains(policy.routeTables, 'reattach') && (policy.routeTables.reattach)
var putsAgain = contains(secondPolicy, 'failedClusters') && contains(secondPolicy.failedClusters, 'reconcile') && (secondPolicy.failedClusters.reconcile)
var restarts = contains(secondPolicy, 'podRestarts') && contains(secondPolicy.podRestarts, 'enabled') && (secondPolicy.podRestarts.enabled)
var listsPods = contains(secondPolicy, 'podRestarts') && contains(secondPolicy.podRestarts, 'list') && (secondPolicy.podRestarts.list)

var linkRoles = enforces ? ['link-zones'] : []
var routeRoles = enforces && (attaches || reattaches) ? ['attach-route-tables'] : []
var spokeRoles = concat(['read-fleet'], linkRoles, routeRoles)
var putRoles = secondEnforces && putsAgain ? ['put-clusters'] : []
var commandRoles = secondEnforces && (restarts || listsPods) ? ['run-commands'] : []
var secondRoles = concat(['read-fleet'], putRoles, commandRoles)
// Restarts follow the records of the second app's own policy, which it only reads (docs/operating.md, Two apps).
var secondRecords = privilegedApp && contains(secondPolicy, 'records') ? secondPolicy.records : []
var secondRecordZones = filter(secondRecords, record => contains(record, 'privateZone'))
var recordRole = enforces ? 'write-records' : 'read-records'

// Custom roles are defined in each subscription where they are given, once.
var hubSubscriptions = [for hub in namedHubs: toLower(split(hub.vnet, '/')[2])]
var customZoneSubscriptions = [for zone in customZones: toLower(split(zone, '/')[2])]
var recordSubscriptions = [for record in recordZones: toLower(split(record.privateZone, '/')[2])]
var secondRecordSubscriptions = [for record in secondRecordZones: toLower(split(record.privateZone, '/')[2])]
var rightsIn = union(spokes, privilegedApp ? secondSpokes : [], discoveredHubs, hubSubscriptions, customZoneSubscriptions, recordSubscriptions, secondRecordSubscriptions)
var plainRoles = concat(spokeRoles, enforces ? ['join-hub'] : [], [recordRole])
var definedRoles = union(plainRoles, privilegedApp ? concat(secondRoles, ['read-records']) : [])

module definitions 'in-subscription.bicep' = [for id in rightsIn: {
  name: 'tether-roles-${token}'
  scope: subscription(id)
  params: {
    owner: owner
    wanted: definedRoles
  }
}]

module spokeRights 'on-subscription.bicep' = [for id in spokes: {
  name: 'tether-spoke-rights-${token}'
  scope: subscription(id)
  params: {
    owner: owner
    assigned: spokeRoles
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}]

module discoveredHubRights 'on-subscription.bicep' = [for id in discoveredHubs: {
  name: 'tether-hub-rights-${token}'
  scope: subscription(id)
  params: {
    owner: owner
    assigned: [
      'join-hub'
    ]
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}]

module hubRights 'on-hub.bicep' = [for hub in namedHubs: {
  name: 'tether-${uniqueString(hub.vnet, token)}'
  scope: resourceGroup(split(hub.vnet, '/')[2], split(hub.vnet, '/')[4])
  params: {
    name: last(split(hub.vnet, '/'))
    roleDefinitionId: subscriptionResourceId(split(hub.vnet, '/')[2], 'Microsoft.Authorization/roleDefinitions', guid('/subscriptions/${toLower(split(hub.vnet, '/')[2])}', owner, 'join-hub'))
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}]

// They may lie in no spoke: read like all else, and linked.
module customZoneReading 'on-zone.bicep' = [for zone in customZones: {
  name: 'tether-zone-${uniqueString(zone, token)}'
  scope: resourceGroup(split(zone, '/')[2], split(zone, '/')[4])
  params: {
    name: last(split(zone, '/'))
    roleDefinitionId: subscriptionResourceId(split(zone, '/')[2], 'Microsoft.Authorization/roleDefinitions', guid('/subscriptions/${toLower(split(zone, '/')[2])}', owner, 'read-fleet'))
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}]

module customZoneRights 'on-zone.bicep' = [for zone in linkedCustomZones: {
  name: 'tether-link-${uniqueString(zone, token)}'
  scope: resourceGroup(split(zone, '/')[2], split(zone, '/')[4])
  params: {
    name: last(split(zone, '/'))
    roleDefinitionId: subscriptionResourceId(split(zone, '/')[2], 'Microsoft.Authorization/roleDefinitions', guid('/subscriptions/${toLower(split(zone, '/')[2])}', owner, 'link-zones'))
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}]

module recordZoneRights 'on-zone.bicep' = [for record in recordZones: {
  name: 'tether-record-${uniqueString(record.privateZone, token)}'
  scope: resourceGroup(split(record.privateZone, '/')[2], split(record.privateZone, '/')[4])
  params: {
    name: last(split(record.privateZone, '/'))
    roleDefinitionId: subscriptionResourceId(split(record.privateZone, '/')[2], 'Microsoft.Authorization/roleDefinitions', guid('/subscriptions/${toLower(split(record.privateZone, '/')[2])}', owner, recordRole))
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}]

module secondRights 'on-subscription.bicep' = [for id in (privilegedApp ? secondSpokes : []): {
  name: 'tether-privileged-rights-${token}'
  scope: subscription(id)
  params: {
    owner: owner
    assigned: secondRoles
    principalId: privilegedPrincipalId
  }
  dependsOn: [
    definitions
  ]
}]

module secondRecordZoneRights 'on-zone.bicep' = [for record in secondRecordZones: {
  name: 'tether-privileged-${uniqueString(record.privateZone, token)}'
  scope: resourceGroup(split(record.privateZone, '/')[2], split(record.privateZone, '/')[4])
  params: {
    name: last(split(record.privateZone, '/'))
    roleDefinitionId: subscriptionResourceId(split(record.privateZone, '/')[2], 'Microsoft.Authorization/roleDefinitions', guid('/subscriptions/${toLower(split(record.privateZone, '/')[2])}', owner, 'read-records'))
    principalId: privilegedPrincipalId
  }
  dependsOn: [
    definitions
  ]
}]
