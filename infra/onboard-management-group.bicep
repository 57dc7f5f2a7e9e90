// Lets Tether see to all subscriptions below a management group: its rights there, and an Azure Policy that has every
// subscription tell it of changes. Run after main.bicep and the code; it may be run again.
//
//   az deployment mg create --management-group-id <group> --location <region> \
//     --template-file infra/onboard-management-group.bicep --parameters principalId=<…> functionId=<…> storageAccountId=<…>
//
// The policy of Tether names the group under scope.managementGroups; its mode decides the rights, as in main.bicep.
targetScope = 'managementGroup'

@description('Tether\'s policy as JSON')
param tetherPolicy string = loadTextContent('tether-policy.json')

@description('Principal id of the app\'s identity (output TETHER_PRINCIPAL_ID of main.bicep)')
param principalId string

@description('Principal id of the second app\'s identity; empty: there is none')
param privilegedPrincipalId string = ''

@description('The second app\'s policy as JSON')
param privilegedPolicy string = loadTextContent('privileged-policy.json')

@description('Whether an Azure Policy makes system topics. Off: onboard-subscription.bicep does, one by one')
param withPolicy bool = true

@description('Id of the function: output TETHER_FUNCTION_ID of main.bicep')
param functionId string

@description('Id of the app\'s storage account: output TETHER_STORAGE_ID of main.bicep')
param storageAccountId string

@description('Where events go: function, or queue for tenants without public inbound')
@allowed([
  'function'
  'queue'
])
param delivery string = 'function'

@description('Region of the assignment\'s identity and of the resource groups that are made for topics')
param location string = deployment().location

@description('Resource group that is made for the topic in each subscription')
param resourceGroupName string = 'rg-tether-events'

var policy = json(tetherPolicy)
var secondPolicy = json(privilegedPolicy)
var owner = policy.owner
var enforces = contains(policy, 'mode') && (policy.mode == 'enforce')
var secondEnforces = contains(secondPolicy, 'mode') && (secondPolicy.mode == 'enforce')
var attaches = !contains(policy, 'routeTables') || !contains(policy.routeTables, 'attach') || (policy.routeTables.attach)
var reattaches = contains(policy, 'routeTables') && contains(policy.routeTables, 'reattach') && (policy.routeTables.reattach)
var putsAgain = contains(secondPolicy, 'failedClusters') && contains(secondPolicy.failedClusters, 'reconcile') && (secondPolicy.failedClusters.reconcile)
var restarts = contains(secondPolicy, 'podRestarts') && contains(secondPolicy.podRestarts, 'enabled') && (secondPolicy.podRestarts.enabled)
var listsPods = contains(secondPolicy, 'podRestarts') && contains(secondPolicy.podRestarts, 'list') && (secondPolicy.podRestarts.list)

var plainRoles = concat(['read-fleet'], enforces ? ['link-zones'] : [], enforces && (attaches || reattaches) ? ['attach-route-tables'] : [])
var secondRoles = concat(['read-fleet'], secondEnforces && putsAgain ? ['put-clusters'] : [], secondEnforces && (restarts || listsPods) ? ['run-commands'] : [])
var definedRoles = union(plainRoles, empty(privilegedPrincipalId) ? [] : secondRoles, withPolicy ? ['onboard-subscriptions'] : [])

var homeSubscription = split(storageAccountId, '/')[2]
var homeGroup = split(storageAccountId, '/')[4]
var token = uniqueString(managementGroup().id, owner)

module definitions 'roles/in-management-group.bicep' = {
  name: 'tether-roles-${token}'
  params: {
    owner: owner
    wanted: definedRoles
  }
}

module rights 'roles/on-management-group.bicep' = {
  name: 'tether-rights-${token}'
  params: {
    owner: owner
    assigned: plainRoles
    principalId: principalId
  }
  dependsOn: [
    definitions
  ]
}

module privilegedRights 'roles/on-management-group.bicep' = if (!empty(privilegedPrincipalId)) {
  name: 'tether-privileged-rights-${token}'
  params: {
    owner: owner
    assigned: secondRoles
    principalId: privilegedPrincipalId
  }
  dependsOn: [
    definitions
  ]
}

module topics 'policy/topic-per-subscription.bicep' = if (withPolicy) {
  name: 'tether-topics-${token}'
  params: {
    location: location
    onboardingRoleId: extensionResourceId(managementGroup().id, 'Microsoft.Authorization/roleDefinitions', guid(managementGroup().id, owner, 'onboard-subscriptions'))
    functionId: functionId
    storageAccountId: storageAccountId
    delivery: delivery
    resourceGroupName: resourceGroupName
  }
  dependsOn: [
    definitions
  ]
}

module receiverDefinition 'roles/in-subscription.bicep' = if (withPolicy) {
  name: 'tether-receiver-role-${token}'
  scope: subscription(homeSubscription)
  params: {
    owner: owner
    wanted: [
      'receive-events'
    ]
  }
}

module receiverRights 'policy/receiver-rights.bicep' = if (withPolicy) {
  name: 'tether-receiver-rights-${token}'
  scope: resourceGroup(homeSubscription, homeGroup)
  params: {
    storageAccountName: last(split(storageAccountId, '/'))
    principalId: topics.outputs.principalId
    receiverRoleId: subscriptionResourceId(homeSubscription, 'Microsoft.Authorization/roleDefinitions', guid('/subscriptions/${toLower(homeSubscription)}', owner, 'receive-events'))
  }
  dependsOn: [
    receiverDefinition
  ]
}

output remediation string = withPolicy ? 'az policy remediation create --management-group ${managementGroup().name} --name tether-topics --policy-assignment tether-topics' : ''
