// The second app, which alone may put clusters again and run commands in them (docs/decisions/0010). It has an identity and
// a storage account of its own; nothing of the first app's reaches it but a message in one queue.

@description('Part of all names')
param token string

@description('Region')
param location string

@description('Tags')
param tags object

@description('The app\'s own policy as JSON')
param policyText string

@description('Name of the app\'s own storage account')
param storageAccountName string

@description('Replication of the storage account')
param storageSku string

@description('Principal id of the plain app\'s identity, which may ask this one to look at a cluster')
param senderPrincipalId string

@description('FC1, or an App Service plan')
param planSku string

@description('Memory of an instance in MB')
param instanceMemoryMB int

@description('The most instances of one function')
param maximumInstanceCount int

@description('Id of the subnet for a way to DNS servers and private storage; empty: none')
param subnetId string

@description('Whether azd reaches the app\'s deployment endpoint from outside its network')
param publicInbound bool

@description('Whether the account is reached through private endpoints alone')
param isPrivate bool

@description('Id of the subnet for private endpoints; empty: none')
param privateEndpointSubnetId string

@description('Id of the resource group with the zones of storage; empty: somebody else makes the records')
param privateDnsZonesGroupId string

@description('Id of the Log Analytics workspace that gets the logs')
param workspaceId string

@description('Name of the Application Insights component')
param componentName string

@description('Connection string of that component; it holds no secret, since the component takes no key')
param connectionString string

var queueName = 'tether-privileged'

module identity 'identity.bicep' = {
  name: 'privileged-identity'
  params: {
    name: 'id-tether-privileged-${token}'
    location: location
    tags: tags
  }
}

module storage 'storage.bicep' = {
  name: 'privileged-storage'
  params: {
    name: storageAccountName
    location: location
    tags: tags
    sku: storageSku
    queues: [
      queueName
      '${queueName}-poison'
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
    ]
    isPrivate: isPrivate
    workspaceId: workspaceId
  }
}

module storageRights 'storage-rights.bicep' = {
  name: 'privileged-storage-rights'
  params: {
    storageAccountName: storageAccountName
    principalId: identity.outputs.principalId
  }
  dependsOn: [
    storage
  ]
}

module metricsRight 'metrics-publisher.bicep' = {
  name: 'privileged-metrics-right'
  params: {
    componentName: componentName
    principalId: identity.outputs.principalId
  }
}

module endpoints 'private-endpoints.bicep' = if (isPrivate) {
  name: 'privileged-storage-endpoints'
  params: {
    location: location
    tags: tags
    storageAccountName: storageAccountName
    storageAccountId: storage.outputs.id
    subnetId: privateEndpointSubnetId
    zonesGroupId: privateDnsZonesGroupId
  }
}

module senderRight 'queue-sender.bicep' = {
  name: 'privileged-sender-right'
  params: {
    storageAccountName: storageAccountName
    queueName: queueName
    principalId: senderPrincipalId
  }
  dependsOn: [
    storage
  ]
}

module app 'app.bicep' = {
  name: 'privileged-app'
  params: {
    name: 'func-tetherp-${token}'
    planName: 'plan-tether-privileged-${token}'
    location: location
    tags: tags
    serviceName: 'tether-privileged'
    planSku: planSku
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storageAccountName
    packageContainer: 'tether-package'
    // Nobody waits for it: a cold start a message is soon enough.
    alwaysReady: []
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    subnetId: subnetId
    publicInbound: publicInbound
    authClientId: ''
    workspaceId: workspaceId
    settings: {
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identity.outputs.clientId}'
      APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString
      PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
      TETHER_POLICY: policyText
      TETHER_ROLE: 'privileged'
    }
  }
  dependsOn: [
    storageRights
    metricsRight
    endpoints
  ]
}

output principalId string = identity.outputs.principalId
