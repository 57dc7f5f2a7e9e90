// One function app with its plan: Flex Consumption, or App Service where a cloud or a region has no Flex.

@description('Name of the function app')
param name string

@description('Name of the plan')
param planName string

@description('Region')
param location string

@description('Tags')
param tags object

@description('Name of the service in azure.yaml, by which azd finds the app')
param serviceName string

@description('FC1 is Flex Consumption; the others are App Service plans')
@allowed([
  'FC1'
  'B1'
  'P0v3'
  'P1v3'
])
param planSku string

@description('Id of the app\'s identity')
param identityId string

@description('Client id of the app\'s identity')
param identityClientId string

@description('Name of the app\'s own storage account')
param storageAccountName string

@description('Container that holds the app\'s package')
param packageContainer string

@description('App settings besides those of the platform')
param settings object

@description('Functions of which an instance always runs, with how many: name and instanceCount')
param alwaysReady array

@description('The most instances of one function')
param maximumInstanceCount int

@description('Memory of an instance in MB')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int

@description('Id of the subnet, delegated to Microsoft.App/environments (Flex) or Microsoft.Web/serverFarms, for a way to private DNS servers and private storage; empty: none')
param subnetId string

@description('Whether Event Grid and people reach the app from outside its network')
param publicInbound bool

@description('Client id of the app registration whose tokens may write over HTTP; empty: nobody may, and authentication is off')
param authClientId string

@description('Id of the Log Analytics workspace that gets the logs')
param workspaceId string

var isFlex = planSku == 'FC1'
var hasAuthentication = !empty(authClientId)
var storage = environment().suffixes.storage

// Learn, "App settings reference", Flex Consumption deprecations: there the runtime stands in functionAppConfig, and
// these must not be set.
var settingsOfPlan = isFlex ? {} : {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'python'
  SCM_DO_BUILD_DURING_DEPLOYMENT: 'false'
  WEBSITE_RUN_FROM_PACKAGE: '1'
}

var flexConfig = {
  deployment: {
    storage: {
      type: 'blobContainer'
      value: 'https://${storageAccountName}.blob.${storage}/${packageContainer}'
      authentication: {
        type: 'UserAssignedIdentity'
        userAssignedIdentityResourceId: identityId
      }
    }
  }
  runtime: {
    name: 'python'
    version: '3.13'
  }
  scaleAndConcurrency: {
    alwaysReady: alwaysReady
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
  }
}

var entra = {
  enabled: true
  registration: {
    clientId: authClientId
    openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  }
  validation: {
    allowedAudiences: [
      authClientId
      'api://${authClientId}'
    ]
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-05-01' = {
  // checkov:skip=CKV_AZURE_225: The queue and the timers outlive a zone's end, and zones double what an idle app costs
  name: planName
  location: location
  tags: tags
  kind: isFlex ? 'functionapp' : 'linux'
  sku: {
    name: planSku
    tier: isFlex ? 'FlexConsumption' : null
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-05-01' = {
  // checkov:skip=CKV_AZURE_17: Callers have keys and tokens; Event Grid has no client certificate
  // checkov:skip=CKV_AZURE_212: Flex Consumption takes the number of instances from functionAppConfig
  // checkov:skip=CKV_AZURE_213: The path of health needs a key; an alert asks for the rounds of watch instead
  // checkov:skip=CKV_AZURE_222: publicInbound decides; Event Grid comes from outside unless it delivers to the queue
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': serviceName
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: publicInbound ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    // Key Vault references are read with this identity; the default is a system-assigned one, which there is not.
    keyVaultReferenceIdentity: identityId
    functionAppConfig: isFlex ? flexConfig : null
    siteConfig: {
      alwaysOn: isFlex ? null : true
      linuxFxVersion: isFlex ? null : 'PYTHON|3.13'
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      remoteDebuggingEnabled: false
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2025-05-01' = {
  // checkov:skip=CKV_AZURE_13: That is a field of the config named web; this is the one named appsettings
  // checkov:skip=CKV_AZURE_63: That is a field of the config named web; this is the one named appsettings
  // checkov:skip=CKV_AZURE_65: That is a field of the config named web; this is the one named appsettings
  // checkov:skip=CKV_AZURE_66: That is a field of the config named web; this is the one named appsettings
  // checkov:skip=CKV_AZURE_80: That is a field of the config named web; this is the one named appsettings
  // checkov:skip=CKV_AZURE_88: That is a field of the config named web; this is the one named appsettings
  // checkov:skip=CKV_AZURE_222: That is a field of the config named web; this is the one named appsettings
  parent: app
  name: 'appsettings'
  properties: union(settingsOfPlan, {
    AZURE_CLIENT_ID: identityClientId
    // No key and no connection string (Learn, "Connecting to host storage with an identity").
    AzureWebJobsStorage__accountName: storageAccountName
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__credential: 'managedidentity'
    // The names of the clouds are those of functions/arm/clouds.py.
    TETHER_CLOUD: environment().name
    TETHER_STORAGE_SUFFIX: storage
  }, settings)
}

// Passwords for deployment are off: azd and az deploy with tokens.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-05-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-05-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

// Easy Auth checks the token where there is one; the app itself demands tenant, audience and role for writing
// (functions/http/principal.py). Site-wide 401 would also answer Event Grid, which never tries those again: hence
// AllowAnonymous, and the webhooks left out besides (docs/http.md).
resource authentication 'Microsoft.Web/sites/config@2025-05-01' = {
  // checkov:skip=CKV_AZURE_13: That is a field of the config named web; this is the one named authsettingsV2
  // checkov:skip=CKV_AZURE_63: That is a field of the config named web; this is the one named authsettingsV2
  // checkov:skip=CKV_AZURE_65: That is a field of the config named web; this is the one named authsettingsV2
  // checkov:skip=CKV_AZURE_66: That is a field of the config named web; this is the one named authsettingsV2
  // checkov:skip=CKV_AZURE_80: That is a field of the config named web; this is the one named authsettingsV2
  // checkov:skip=CKV_AZURE_88: That is a field of the config named web; this is the one named authsettingsV2
  // checkov:skip=CKV_AZURE_222: That is a field of the config named web; this is the one named authsettingsV2
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: hasAuthentication
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
      excludedPaths: [
        '/runtime/webhooks/*'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: hasAuthentication ? {
      azureActiveDirectory: entra
    } : {}
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
  dependsOn: [
    appSettings
  ]
}

// Traces and logs come through Application Insights already; here are the platform's own numbers.
resource numbers 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'tether'
  scope: app
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output id string = app.id
output hostName string = app.properties.defaultHostName
