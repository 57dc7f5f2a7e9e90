// A role on one hub VNet.

@description('Name of the VNet')
param name string

@description('Id of the role definition')
param roleDefinitionId string

@description('Principal id of the app\'s identity')
param principalId string

resource hub 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: name
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hub.id, principalId, roleDefinitionId)
  scope: hub
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleDefinitionId
  }
}
