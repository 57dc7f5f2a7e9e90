// Tether in one resource group, with the rights that its policy asks for and no others: in mode observe it may only read.
//
//   azd up     or     az deployment sub create --location <region> --template-file infra/main.bicep --parameters …
//
// The policy is infra/tether-policy.json unless another is given. Rights on management groups, and events of more
// subscriptions: onboard-management-group.bicep and onboard-subscription.bicep.
targetScope = 'subscription'

@description('Name of the azd environment; part of all names')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything that is made')
@minLength(1)
param location string

@description('The policy as JSON. Subscription 00000000-0000-0000-0000-000000000000 stands for the one that is deployed to')
param tetherPolicy string = loadTextContent('tether-policy.json')

@description('Whether the second app is deployed, which alone may put clusters again and run commands in them')
param privilegedApp bool = false

@description('The second app\'s own policy as JSON, with the same owner')
param privilegedPolicy string = loadTextContent('privileged-policy.json')

@description('Resource group that is made')
param resourceGroupName string = 'rg-${environmentName}'

@description('FC1 is Flex Consumption; B1, P0v3 and P1v3 are App Service plans, where a cloud has no Flex')
@allowed([
  'FC1'
  'B1'
  'P0v3'
  'P1v3'
])
param planSku string = 'FC1'

@description('Memory of an instance in MB')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('The most instances of one function')
param maximumInstanceCount int = 40

@description('Instances of the Event Grid function that always run: without one a first delivery can be rejected during a cold start')
param alwaysReadyInstances int = 1

@description('Replication of the storage accounts; zone-redundant unless the region has no zones')
@allowed([
  'Standard_ZRS'
  'Standard_LRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_ZRS'

@description('Id of a subnet, delegated to Microsoft.App/environments, for a way to DNS servers and private storage; empty: none')
param subnetId string = ''

@description('Id of the subnet for private endpoints of storage; empty: none. Needs subnetId')
param privateEndpointSubnetId string = ''

@description('Id of the resource group with the zones privatelink.blob, .queue and .table; empty: somebody else makes the records')
param privateDnsZonesGroupId string = ''

@description('Whether the app is reached from outside its network. Off: let Event Grid deliver to the queue')
param publicInbound bool = true

@description('Client id of the app registration for writing over HTTP; empty: nobody may write over HTTP')
param authClientId string = ''

@description('Id of the vault with the TSIG secret; empty: there is none')
param tsigVaultId string = ''

@description('Name of the secret with the TSIG key in base64; the policy names it @env:TSIG_SECRET')
param tsigSecretName string = 'tether-tsig'

@description('Id of an Event Grid topic for events out; empty: none')
param eventsTopicId string = ''

@description('When the sweep runs (NCRONTAB)')
param sweepSchedule string = '0 17 * * * *'

@description('Two periods of the sweep and what one takes, as one of Azure Monitor\'s windows')
param sweepWindow string = 'PT3H'

@description('Address that alerts are mailed to; empty: nobody is')
param alertEmail string = ''

@description('Id of an action group that alerts tell besides; empty: none')
param actionGroupId string = ''

@description('Days for which logs are kept')
param retentionInDays int = 30

@description('The most that the workspace takes a day, in GB; -1: no limit')
param dailyQuotaGb int = -1

@description('Tags for everything that is made')
param tags object = {}

// The subscription that is deployed to, where a policy has the placeholder.
var here = subscription().subscriptionId
var policyText = replace(tetherPolicy, '00000000-0000-0000-0000-000000000000', here)
var privilegedText = replace(privilegedPolicy, '00000000-0000-0000-0000-000000000000', here)

var token = uniqueString(subscription().id, environmentName, location)
var allTags = union(tags, {
  'azd-env-name': environmentName
})
var appName = 'func-tether-${token}'
var storageName = 'sttether${token}'
var secondStorageName = 'sttetherp${token}'
var isPrivate = !empty(privateEndpointSubnetId)
var storageSuffix = environment().suffixes.storage
var vaultName = last(split(tsigVaultId, '/'))
var vaultSuffix = environment().suffixes.keyvaultDns

// What an app without the part does not know of is left out: an empty setting would be read as one.
var authSettings = empty(authClientId) ? {} : {
  TETHER_CLIENT_ID: authClientId
  TETHER_TENANT_ID: tenant().tenantId
}
var tsigSettings = empty(tsigVaultId) ? {} : {
  TSIG_SECRET: '@Microsoft.KeyVault(SecretUri=https://${vaultName}${vaultSuffix}/secrets/${tsigSecretName})'
}
var secondAppSettings = privilegedApp ? {
  PRIVILEGED_QUEUE__queueServiceUri: 'https://${secondStorageName}.queue.${storageSuffix}'
} : {}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-tether-${token}'
    componentName: 'appi-tether-${token}'
    location: location
    tags: allTags
    retentionInDays: retentionInDays
    dailyQuotaGb: dailyQuotaGb
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-tether-${token}'
    location: location
    tags: allTags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: storageName
    location: location
    tags: allTags
    sku: storageSku
    queues: [
      'tether-work'
      'tether-work-poison'
    ]
    tables: [
      'tetherstate'
      'tetherjournal'
    ]
    containers: [
      'tether-package'
      'tether-reports'
      'tether-bodies'
      'tether-dead-letters'
    ]
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

module storageRights 'modules/storage-rights.bicep' = {
  name: 'storage-rights'
  scope: group
  params: {
    storageAccountName: storageName
    principalId: identity.outputs.principalId
  }
  dependsOn: [
    storage
  ]
}

module metricsRight 'modules/metrics-publisher.bicep' = {
  name: 'metrics-right'
  scope: group
  params: {
    componentName: monitoring.outputs.componentName
    principalId: identity.outputs.principalId
  }
}

module storageEndpoints 'modules/private-endpoints.bicep' = if (isPrivate) {
  name: 'storage-endpoints'
  scope: group
  params: {
    location: location
    tags: allTags
    storageAccountName: storageName
    storageAccountId: storage.outputs.id
    subnetId: privateEndpointSubnetId
    zonesGroupId: privateDnsZonesGroupId
  }
}

module tsigRight 'modules/secret-reader.bicep' = if (!empty(tsigVaultId)) {
  name: 'tether-tsig-right-${token}'
  scope: resourceGroup(empty(tsigVaultId) ? here : split(tsigVaultId, '/')[2], empty(tsigVaultId) ? resourceGroupName : split(tsigVaultId, '/')[4])
  params: {
    vaultName: vaultName
    secretName: tsigSecretName
    principalId: identity.outputs.principalId
  }
}

module eventsRight 'modules/events-sender.bicep' = if (!empty(eventsTopicId)) {
  name: 'tether-events-right-${token}'
  scope: resourceGroup(empty(eventsTopicId) ? here : split(eventsTopicId, '/')[2], empty(eventsTopicId) ? resourceGroupName : split(eventsTopicId, '/')[4])
  params: {
    topicName: last(split(eventsTopicId, '/'))
    principalId: identity.outputs.principalId
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: appName
    planName: 'plan-tether-${token}'
    location: location
    tags: allTags
    serviceName: 'tether'
    planSku: planSku
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storageName
    packageContainer: 'tether-package'
    alwaysReady: alwaysReadyInstances == 0 ? [] : [
      {
        name: 'function:resource_event'
        instanceCount: alwaysReadyInstances
      }
    ]
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    subnetId: subnetId
    publicInbound: publicInbound
    authClientId: authClientId
    workspaceId: monitoring.outputs.workspaceId
    settings: union({
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identity.outputs.clientId}'
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
      PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
      TETHER_POLICY: policyText
      TETHER_ROLE: 'plain'
      TETHER_SWEEP_SCHEDULE: sweepSchedule
    }, authSettings, tsigSettings, secondAppSettings, empty(eventsTopicId) ? {} : {
      TETHER_EVENTS_ENDPOINT: eventsRight.outputs.endpoint
    })
  }
  dependsOn: [
    storageRights
    metricsRight
    storageEndpoints
    tsigRight
  ]
}

module second 'modules/second-app.bicep' = if (privilegedApp) {
  name: 'second-app'
  scope: group
  params: {
    token: token
    location: location
    tags: allTags
    policyText: privilegedText
    storageAccountName: secondStorageName
    storageSku: storageSku
    senderPrincipalId: identity.outputs.principalId
    planSku: planSku
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    subnetId: subnetId
    publicInbound: publicInbound
    isPrivate: isPrivate
    privateEndpointSubnetId: privateEndpointSubnetId
    privateDnsZonesGroupId: privateDnsZonesGroupId
    workspaceId: monitoring.outputs.workspaceId
    componentName: monitoring.outputs.componentName
    connectionString: monitoring.outputs.connectionString
  }
}

module rights 'roles/of-policies.bicep' = {
  name: 'tether-rights-${token}'
  params: {
    policyText: policyText
    privilegedText: privilegedText
    privilegedApp: privilegedApp
    principalId: identity.outputs.principalId
    privilegedPrincipalId: privilegedApp ? second.outputs.principalId : ''
    token: token
  }
}

module mailed 'modules/action-group.bicep' = if (!empty(alertEmail)) {
  name: 'action-group'
  scope: group
  params: {
    name: 'ag-tether-${token}'
    tags: allTags
    email: alertEmail
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: allTags
    prefix: 'tether-${token}'
    workspaceId: monitoring.outputs.workspaceId
    componentId: monitoring.outputs.componentId
    storageAccountName: storageName
    actionGroupIds: concat(empty(actionGroupId) ? [] : [actionGroupId], empty(alertEmail) ? [] : [mailed.outputs.id])
    sweepWindow: sweepWindow
    apps: privilegedApp ? 2 : 1
  }
}

// azd keeps these in its environment, where the hooks find them.
output AZURE_RESOURCE_GROUP string = resourceGroupName
output TETHER_APP_NAME string = appName
output TETHER_APP_HOST string = app.outputs.hostName
output TETHER_FUNCTION_ID string = '${app.outputs.id}/functions/resource_event'
output TETHER_STORAGE_ID string = storage.outputs.id
output TETHER_PRINCIPAL_ID string = identity.outputs.principalId
output TETHER_PRIVILEGED_PRINCIPAL_ID string = privilegedApp ? second.outputs.principalId : ''
output TETHER_EVENT_DELIVERY string = publicInbound ? 'function' : 'queue'
