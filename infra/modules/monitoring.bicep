// Where logs, metrics and traces go. Only identities may send any.

@description('Name of the workspace')
param workspaceName string

@description('Name of the Application Insights component')
param componentName string

@description('Region')
param location string

@description('Tags')
param tags object

@description('Days for which the workspace keeps data')
@minValue(30)
@maxValue(730)
param retentionInDays int

@description('The most that the workspace takes a day, in GB, so that a storm of log lines costs a known amount; -1: no limit')
param dailyQuotaGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionInDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

output workspaceId string = workspace.id
output componentId string = component.id
output componentName string = component.name
output connectionString string = component.properties.ConnectionString
