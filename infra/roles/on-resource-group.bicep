// One role on one resource group: the narrowest where subnets, or clusters, of a team lie together.

@description('Id of the role definition, built-in or of in-subscription.bicep or in-management-group.bicep')
param roleDefinitionId string

@description('Principal id of an app\'s identity')
param principalId string

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, principalId, roleDefinitionId)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleDefinitionId
  }
}
